use workflow_runtime::prelude::*;

#[data(PartialEq)]
struct Question {
    text: String,
}

fn main() {}

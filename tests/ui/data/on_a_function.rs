use workflow_runtime::prelude::*;

#[data]
fn question() {}

fn main() {}

//! Every mistake that a user can make, with the message that they get; and programs that must compile.

#[test]
fn mistakes_are_told() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/agent/*.rs");
    cases.compile_fail("ui/data/*.rs");
    cases.compile_fail("ui/workflow/*.rs");
}

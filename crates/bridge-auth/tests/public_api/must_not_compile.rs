//! Proofs that cannot be forged.

#[test]
fn proofs_cannot_be_forged() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}

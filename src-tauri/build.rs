//! What the package needs before it compiles.

fn main() {}

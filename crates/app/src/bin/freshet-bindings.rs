//! Prints the TypeScript bindings; `cargo xtask codegen` puts them into the UI.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(freshet_app::typescript().as_bytes())
}

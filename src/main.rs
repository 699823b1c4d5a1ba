//! The `entrace` program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    entrace::cli::main()
}

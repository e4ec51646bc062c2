//! The command line: parse, act, exit code.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    formix_p2p::cli::run(std::env::args_os().collect()).await
}

//! The command line: parse, act, exit code.

use std::process::ExitCode;

#[cfg(fuzzing)]
compile_error!("`--cfg fuzzing` replaces signatures by stubs: a node must not be made with it");

#[tokio::main]
async fn main() -> ExitCode {
    formix_p2p::cli::run(std::env::args_os().collect()).await
}

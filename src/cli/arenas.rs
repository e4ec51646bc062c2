//! How glibc shares out memory among threads: a node needs few arenas.
//!
//! Each thread of a node allocates a little of everything. With an arena a thread (glibc makes up to eight for each processor) what is
//! freed in one is of no use to the others, and a node's memory creeps up for hours though it holds no more than before. And each
//! large piece that is freed raises the size from which on pieces are asked of the system, and up to twice as much is kept when it
//! is free. glibc reads these settings once, when a process begins.

use std::os::unix::process::CommandExt;
use std::process::Command;

const VARIABLE: &str = "MALLOC_ARENA_MAX";
/// One for each side of a node that allocates at the same time: its loop, and what it waits for.
const ARENAS: &str = "2";
/// From this size on pieces are asked of the system, and given back at once; and so much is kept at most at the end of an arena. These
/// are the values that glibc begins with; to name them keeps it from raising them.
const FIXED: [(&str, &str); 2] = [("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "131072")];

/// Tells a process that is about to begin, unless its owner has told it otherwise.
pub fn keep_few(command: &mut Command) {
    if std::env::var_os(VARIABLE).is_none() {
        command.env(VARIABLE, ARENAS);
        command.envs(FIXED.iter().filter(|(name, _)| std::env::var_os(name).is_none()).copied());
    }
}

/// Begins this process again with few arenas, once, before anything is read. Where that does not work it goes on as it is.
pub fn begin_with_few() {
    if cfg!(not(target_env = "gnu")) || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (name, program) = (arguments.next(), std::env::current_exe());
    if let (Some(name), Ok(program)) = (name, program) {
        let mut command = Command::new(program);
        command.arg0(name).args(arguments);
        keep_few(&mut command);
        let error = command.exec();
        tracing::debug!("this process keeps its many arenas: {error}");
    }
}

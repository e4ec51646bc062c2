//! Keeps what a process has in memory off the disk.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Switches core dumps off for this process and whatever it starts: a crash would write shares and keys to the disk. On
/// Linux other processes of the same user cannot look into its memory any more either, but for a debugger of root's; and a
/// dump is not handed to a collector, which the limit alone does not prevent.
///
/// # Errors
/// What the operating system refuses.
pub fn forbid_core_dumps() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

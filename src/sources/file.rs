//! Opening a file that is to be read: a regular one, so that reading it comes to an end.

use std::fs::{File, FileType, OpenOptions};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::error::SourceError;

/// Opens a regular file. It never waits: a pipe without a writer is refused like any other.
pub(super) fn open(path: &Path) -> Result<File, SourceError> {
    let failed =
        |error: std::io::Error| SourceError::Unreadable { file: path.to_owned(), reason: error.to_string() };
    // Looked at first: opening a device may already do something.
    refuse_special(path, path.metadata().map_err(failed)?.file_type())?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    // And again, since another file may stand there by now.
    refuse_special(path, file.metadata().map_err(failed)?.file_type())?;
    Ok(file)
}

fn refuse_special(path: &Path, kind: FileType) -> Result<(), SourceError> {
    let kind = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(SourceError::NotAFile { file: path.to_owned(), kind })
}

//! A file that only its owner may read, written in one step: after a crash it is the old one or the new one.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// How the name of an unfinished file begins; a crash may leave one behind.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// Writes or replaces the file, with mode 0600, and waits until it is on the disk.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
    // Temporary files have mode 0600 from the moment they exist.
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

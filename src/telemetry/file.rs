//! `logs.log`: a file of bounded size with older ones behind it, each line on its way to the disk before the
//! next is written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::domain::limits::LOG_FILES_MAX;

/// The file that is written; older ones are `logs.log.1`, `logs.log.2`, the larger the older.
const NAME: &str = "logs.log";

/// The log file that is `age` rotations old.
pub(super) fn path_of(folder: &Path, age: usize) -> PathBuf {
    folder.join(if age == 0 { NAME.to_owned() } else { format!("{NAME}.{age}") })
}

/// A log file that begins anew when it is full. There is no buffer: a line that was written survives the process.
#[derive(Debug)]
pub(super) struct RotatingFile {
    folder: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl RotatingFile {
    pub(super) fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = append_to(&path_of(folder, 0))?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), file, bytes, bytes_max })
    }

    /// Writes a whole line, in one call, so that lines of several threads or processes do not mix.
    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        if self.bytes > 0 && self.bytes + length > self.bytes_max {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.bytes += length;
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn rotate(&mut self) -> io::Result<()> {
        for age in (1..LOG_FILES_MAX).rev() {
            match std::fs::rename(path_of(&self.folder, age - 1), path_of(&self.folder, age)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.file = append_to(&path_of(&self.folder, 0))?;
        self.bytes = 0;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn full_files_move_back_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = RotatingFile::open(folder.path(), 10).unwrap();
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n", "sixth and long\n", "seven\n"] {
            log.write_line(line.as_bytes()).unwrap();
        }
        let content = |age| std::fs::read_to_string(path_of(folder.path(), age)).unwrap();
        assert_eq!([content(2), content(1), content(0)], ["four\nfive\n", "sixth and long\n", "seven\n"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), LOG_FILES_MAX);
        for age in 0..LOG_FILES_MAX {
            assert_eq!(std::fs::metadata(path_of(folder.path(), age)).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_restart_goes_on_in_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        for line in ["one\n", "two\n", "three\n"] {
            RotatingFile::open(folder.path(), 10).unwrap().write_line(line.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path_of(folder.path(), 1)).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(path_of(folder.path(), 0)).unwrap(), "three\n");
    }
}

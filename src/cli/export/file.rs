//! A file that a command was asked for, written in one step: until then the old one stands there.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What a file gets that nobody asked to be private; the umask takes from it.
const MODE: u32 = 0o666;
/// How the name of an unfinished file begins; a crash may leave one behind.
const UNFINISHED: &str = ".unfinished-";

/// Writes or replaces the file. What is no plain file, such as a link, a pipe or `/dev/stdout`, stays and is written to.
///
/// # Errors
/// The system's.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => fs::write(path, content),
        Ok(_) | Err(_) => replace(path, content),
    }
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // So that an error names what is wrong, not the unfinished file.
    fs::metadata(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED).permissions(fs::Permissions::from_mode(MODE));
    // What failed, without the name of the unfinished file: nobody asked for that one.
    let mut file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
    file.as_file_mut().write_all(content)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        for content in ["a longer text", "short"] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_and_leads_to_the_new_content() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("x.csv"), folder.path().join("link.csv"));
        write(&path, b"old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn an_error_does_not_name_the_unfinished_file() {
        // Longer than a name may be: it is refused only when the finished file gets it.
        let folder = tempfile::tempdir().unwrap();
        let told = write(&folder.path().join("x".repeat(300)), b"x").unwrap_err().to_string();
        assert!(!told.contains(UNFINISHED) && !told.is_empty(), "{told}");
        // Nothing can be made here, by nobody.
        let told = write(Path::new("/proc/x.csv"), b"x").unwrap_err().to_string();
        assert!(!told.contains(UNFINISHED) && !told.is_empty(), "{told}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(&folder.path().join("nowhere/x.csv"), b"x").is_err());
        assert!(write(folder.path(), b"x").is_err());
    }
}

//! The files of a package as they will lie on the system, with fixed times and permissions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::failure::{During, Failure, Result};

const FILE: u32 = 0o644;
const PROGRAM: u32 = 0o755;
const FOLDER: u32 = 0o755;

/// A folder that stands for `/`.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// An empty tree in a new folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn new(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).during(root.display())?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The place of a file, whose folder is made.
    pub(crate) fn place(&self, path: &str) -> Result<PathBuf> {
        let place = self.root.join(path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).during(folder.display())?;
        }
        Ok(place)
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        let place = self.place(path)?;
        fs::write(&place, text).during(place.display())
    }

    pub(crate) fn copy(&self, from: &Path, path: &str) -> Result<()> {
        let place = self.place(path)?;
        fs::copy(from, &place).during(from.display()).map(drop)
    }

    /// Copies a folder with all that is in it.
    pub(crate) fn copy_folder(&self, from: &Path, path: &str) -> Result<()> {
        for file in files_below(from)? {
            let inside = file.strip_prefix(from).during(file.display())?;
            self.copy(&file, &format!("{path}/{}", inside.to_string_lossy()))?;
        }
        Ok(())
    }

    /// All files, sorted, relative to the root.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        files_below(&self.root)?
            .iter()
            .map(|file| {
                Ok(file.strip_prefix(&self.root).during(file.display())?.to_string_lossy().into_owned())
            })
            .collect()
    }

    /// What the files take on a disk, in KiB, each rounded up to whole ones, as Debian counts.
    pub(crate) fn installed_kib(&self) -> Result<u64> {
        let mut kib = 0;
        for file in files_below(&self.root)? {
            kib += fs::metadata(&file).during(file.display())?.len().div_ceil(1024);
        }
        Ok(kib)
    }

    /// Gives everything the same time, and the permissions that it has on a system: programs can be run, all can be read.
    ///
    /// # Errors
    /// A file cannot be changed, or is something else than a file or a folder.
    pub(crate) fn settle(&self, time: u64) -> Result<()> {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
        settle(&self.root, &self.root, time)
    }
}

fn settle(root: &Path, path: &Path, time: SystemTime) -> Result<()> {
    let kind = fs::symlink_metadata(path).during(path.display())?.file_type();
    let mode = if kind.is_dir() {
        for entry in fs::read_dir(path).during(path.display())? {
            settle(root, &entry.during(path.display())?.path(), time)?;
        }
        FOLDER
    } else if !kind.is_file() {
        return Err(Failure::new(format!("{} is neither a file nor a folder", path.display())));
    } else if path.parent().is_some_and(|folder| folder == root.join("usr/bin")) {
        PROGRAM
    } else {
        FILE
    };
    set_mode(path, mode)?;
    fs::File::open(path).and_then(|file| file.set_modified(time)).during(path.display())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).during(path.display())
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> Result<()> {
    Ok(())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).during(folder.display())? {
            let path = entry.during(folder.display())?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn only_programs_can_be_run_and_all_is_of_the_same_time() {
        let scratch = Scratch::new("tree").unwrap();
        let tree = Tree::new(scratch.path().join("root")).unwrap();
        tree.write("usr/bin/program", "x").unwrap();
        tree.write("usr/share/doc/words", &"x".repeat(1025)).unwrap();
        set_mode(&tree.root().join("usr/share/doc"), 0o700).unwrap();

        tree.settle(1_000_000_000).unwrap();

        let mode = |path: &str| fs::metadata(tree.root().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            [mode("usr/bin/program"), mode("usr/share/doc/words"), mode("usr/share/doc")],
            [0o755, 0o644, 0o755]
        );
        let modified = fs::metadata(tree.root().join("usr/share")).unwrap().modified().unwrap();
        assert_eq!(modified, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        assert_eq!(tree.files().unwrap(), ["usr/bin/program", "usr/share/doc/words"]);
        assert_eq!(tree.installed_kib().unwrap(), 3);
    }
}

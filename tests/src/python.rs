//! Virtual environments that the tests make for themselves, once for each version of a list of packages, below cargo's
//! target folder.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The AWS of the tests.
pub const LOCAL_AWS: Packages = Packages { name: "local-aws", list: include_str!("../requirements.txt") };

/// What deploys and reads the templates.
pub const DEPLOY: Packages = Packages { name: "deploy-tools", list: include_str!("../requirements-deploy.txt") };

/// What tries the API's description.
pub const API: Packages = Packages { name: "api-tools", list: include_str!("../requirements-api.txt") };

/// A list of packages with their versions.
#[derive(Debug, Clone, Copy)]
pub struct Packages {
    name: &'static str,
    list: &'static str,
}

impl Packages {
    /// The folder of programs of the virtual environment, which is made when it is missing. Several test processes wait for
    /// the first. It takes a minute, so not for a thread that others need.
    ///
    /// # Panics
    /// When Python 3 with its `venv` module is missing, or the packages cannot be had: what needs them cannot pass without.
    pub fn programs(self) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        self.list.hash(&mut hasher);
        let folder = target().join(format!("{}-{:016x}", self.name, hasher.finish()));
        // Beside the folder, which is cleared where an earlier try did not come to its end.
        let lock = File::create(folder.with_extension("lock")).expect("a file in cargo's folder");
        lock.lock().expect("a local file can be locked");
        let (programs, ready) = (folder.join("bin"), folder.join("ready"));
        if !ready.is_file() {
            let list = folder.with_extension("txt");
            std::fs::write(&list, self.list).expect("a file in cargo's folder");
            run(
                Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder),
                "Python 3.10 or newer with its venv module is needed (Debian and Ubuntu: apt install python3-venv)",
            );
            run(
                Command::new(programs.join("python3"))
                    .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "-r"])
                    .arg(&list),
                "the packages that the tests name must be installable from PyPI",
            );
            std::fs::write(&ready, "").expect("a file in cargo's folder");
        }
        programs
    }
}

/// Cargo's target folder, in which this test was built.
pub fn target() -> PathBuf {
    let me = std::env::current_exe().expect("a running program knows its file");
    let folder = me.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    folder.expect("cargo marks its folder").to_owned()
}

/// The folder of the whole repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is a folder of the repository")
}

/// What a program prints.
///
/// # Panics
/// When it does not start or fails; the message says what is needed and what was printed.
pub fn run(command: &mut Command, needed: &str) -> String {
    match command.output() {
        Ok(done) if done.status.success() => String::from_utf8_lossy(&done.stdout).into_owned(),
        Ok(done) => {
            panic!("{needed}:\n{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
        }
        Err(error) => panic!("{needed}: {} does not start: {error}", command.get_program().display()),
    }
}

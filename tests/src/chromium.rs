//! A real Chromium without a window, driven by a script in `tests/browser/`, and what both need to be there.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::python::{repository, run, target};

/// What the scripts import, with every version.
const PACKAGE: &str = include_str!("../browser/package.json");
const PACKAGE_LOCK: &str = include_str!("../browser/package-lock.json");

/// What Chromium is called, by distribution.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Runs `tests/browser/{script}` with these arguments: what it prints. It finds Chromium in the variable `CHROMIUM`, its
/// modules beside itself, and the folder for its pictures, `screenshots` below cargo's target folder, in `SCREENSHOTS`.
/// It takes a while, so not for a thread that others need.
///
/// # Panics
/// When Node.js or Chromium is missing and cannot be installed, or when the script fails; the message shows what it printed.
pub fn walk(script: &str, arguments: &[&str]) -> String {
    let (chromium, modules) = (chromium(), modules());
    let screenshots = target().join("screenshots");
    std::fs::create_dir_all(&screenshots).expect("a folder in cargo's folder");
    // Node looks for packages beside a script's real place only.
    let scripts = repository().join("tests/browser").read_dir().expect("a folder of the repository");
    for file in scripts.map(|entry| entry.expect("a folder can be read").path()) {
        if file.extension().is_some_and(|extension| extension == "mjs") {
            std::fs::copy(&file, modules.join(file.file_name().expect("a file has a name"))).expect("cargo's folder");
        }
    }
    let mut node = Command::new("node");
    node.arg(modules.join(script)).args(arguments).env("CHROMIUM", chromium).env("SCREENSHOTS", screenshots);
    run(&mut node, "the walk through the pages failed")
}

/// Chromium's program. Where there is none, it is installed as far as that is allowed: the stories in a browser are part of
/// the tests, not something that may be left out unseen.
fn chromium() -> PathBuf {
    let lock = lock("chromium");
    if let Some(found) = found() {
        return found;
    }
    let needed = "Chromium is needed (Debian and Ubuntu: apt install chromium)";
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut apt, needed)
    };
    apt(&["update", "--quiet"]);
    apt(&["install", "--quiet", "--yes", "--no-install-recommends", "chromium"]);
    drop(lock);
    found().expect(needed)
}

fn found() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let programs = std::env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    programs.into_iter().find(|program| program.is_file())
}

/// The folder with the scripts' modules, made once for each version of their list.
fn modules() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (PACKAGE, PACKAGE_LOCK).hash(&mut hasher);
    let folder = target().join(format!("browser-{:016x}", hasher.finish()));
    let _lock = lock("browser");
    let ready = folder.join("ready");
    if !ready.is_file() {
        std::fs::create_dir_all(&folder).expect("a folder in cargo's folder");
        for (name, content) in [("package.json", PACKAGE), ("package-lock.json", PACKAGE_LOCK)] {
            std::fs::write(folder.join(name), content).expect("a file in cargo's folder");
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
        run(&mut npm, "Node.js 20 or newer with npm is needed, and its packages must be installable");
        std::fs::write(&ready, "").expect("a file in cargo's folder");
    }
    folder
}

/// Several test processes wait for the first.
fn lock(name: &str) -> File {
    let lock = File::create(Path::new(&target()).join(format!("{name}.lock"))).expect("a file in cargo's folder");
    lock.lock().expect("a local file can be locked");
    lock
}

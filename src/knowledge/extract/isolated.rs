//! Reads PDF and Word files in a process of their own.
//!
//! Their formats are large, and the libraries for them follow what a file says: one that was made to harm overflows the
//! stack, takes all memory or never ends. A thread cannot be saved from that, and takes the whole program with it. So
//! the program starts itself once more for every such file, with a hidden argument, few rights to memory and processor time,
//! nothing of its environment, and the file on its standard input.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Read, SourceError, docx, pdf};

/// The hidden first argument; the second one names the format.
const ARGUMENT: &str = "read-file";

/// Of address space, which is about twice what is touched. A reference manual of 2,415 pages (R's) takes half of it.
const MAX_MEMORY: u64 = 1 << 30;

/// A little longer than the readers give themselves, so that theirs is the word where they can still speak.
const MAX_TIME: Duration = Duration::from_secs(130);

/// The text of 100,000 pages.
const MAX_ANSWER: u64 = 256 << 20;

/// The executable to start, once it has said that it can be started so.
static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();

/// One file at a time: what one may take is then what all may take together.
static TURN: Mutex<()> = Mutex::new(());

/// What is read in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pdf,
    Docx,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Pdf, Self::Docx];

    fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
        }
    }

    fn read(self, bytes: &[u8]) -> Result<Read, SourceError> {
        match self {
            Self::Pdf => pdf::read(bytes),
            Self::Docx => docx::read(bytes),
        }
    }
}

/// What the child answers.
#[derive(Serialize, Deserialize)]
enum Answer {
    Read(Read),
    Refused(SourceError),
}

/// Must be the first thing that `main` does, before any thread or runtime: in a process that was started to read a file,
/// it does that and does not return. In any other it notes that this executable can be started so. Where no `main` has
/// called it (tests and benches of the library), files are read on a thread.
pub fn serve_if_asked() {
    let arguments: Vec<_> = std::env::args_os().skip(1).take(3).collect();
    if let [argument, kind] = &arguments[..]
        && argument == ARGUMENT
        && let Some(kind) = Kind::ALL.into_iter().find(|known| *kind == *known.name())
    {
        let outcome = serve(kind);
        std::process::exit(i32::from(outcome.is_err()));
    }
    if let Ok(executable) = std::env::current_exe() {
        // A second call would say the same.
        let _ = EXECUTABLE.set(executable);
    }
}

fn serve(kind: Kind) -> anyhow::Result<()> {
    limit_myself();
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    let answer = match kind.read(&bytes) {
        Ok(read) => Answer::Read(read),
        Err(error) => Answer::Refused(error),
    };
    serde_json::to_writer(io::stdout().lock(), &answer)?;
    Ok(())
}

/// Systems that lack one of these limits refuse it; the clock of the parent is there everywhere.
#[cfg(unix)]
fn limit_myself() {
    let time = MAX_TIME.as_secs();
    let _ = rlimit::setrlimit(rlimit::Resource::AS, MAX_MEMORY, MAX_MEMORY);
    let _ = rlimit::setrlimit(rlimit::Resource::CPU, time, time);
    // What dies here is expected to, and holds somebody's document.
    let _ = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0);
}

#[cfg(not(unix))]
fn limit_myself() {}

/// Reads a file in a process of its own, or on a thread where there is no executable to start. Blocks.
pub(super) fn read(kind: Kind, bytes: &[u8]) -> Result<Read, SourceError> {
    let Some(executable) = EXECUTABLE.get() else { return kind.read(bytes) };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = ask(executable, &[ARGUMENT, kind.name()], bytes, MAX_TIME)?;
    match serde_json::from_slice(&answer) {
        Ok(Answer::Read(read)) => Ok(read),
        Ok(Answer::Refused(reason)) => Err(reason),
        Err(_) => Err(SourceError::GaveUp),
    }
}

/// Gives `bytes` to a program and takes what it prints. However this ends, the program has ended too.
fn ask(executable: &Path, arguments: &[&str], bytes: &[u8], limit: Duration) -> Result<Vec<u8>, SourceError> {
    let child = Command::new(executable)
        .args(arguments)
        .env_clear()
        // Else mimalloc, which the executable may have, takes all that may be had before there is a limit.
        .env("MIMALLOC_ARENA_RESERVE", "64MiB")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A panic's message may quote the document.
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => Kept(child),
        Err(error) => {
            tracing::error!(%error, "the process that reads files does not start");
            return Err(SourceError::Busy);
        }
    };
    let (Some(mut input), Some(output)) = (child.0.stdin.take(), child.0.stdout.take()) else {
        return Err(SourceError::GaveUp);
    };
    let (send, receive) = mpsc::sync_channel(1);
    std::thread::scope(|threads| {
        // Both end when the child does: its pipes close.
        threads.spawn(move || {
            let mut answer = Vec::new();
            let _ = send.send(output.take(MAX_ANSWER).read_to_end(&mut answer).map(|_| answer));
        });
        threads.spawn(move || {
            // One that does not want to hear more has its reasons; its answer counts.
            let _ = input.write_all(bytes);
        });
        let answer = receive.recv_timeout(limit);
        child.end();
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(SourceError::GaveUp),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(SourceError::SlowFile),
        }
    })
}

/// A child that does not outlive this value.
struct Kept(Child);

impl Kept {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn shell(script: &str, bytes: &[u8], limit: Duration) -> Result<Vec<u8>, SourceError> {
        ask(Path::new("/bin/sh"), &["-c", script], bytes, limit)
    }

    #[test]
    fn what_goes_in_and_comes_out_is_whole() {
        // More than a pipe holds, both ways at once.
        let bytes = vec![b'x'; 3_000_000];
        assert_eq!(shell("cat", &bytes, LONG).unwrap(), bytes);
    }

    #[test]
    fn nothing_of_the_environment_is_passed_on() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        assert_eq!(shell("echo $CARGO_MANIFEST_DIR", b"", LONG).unwrap(), b"\n");
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        let began = Instant::now();
        // It listens to nothing and says nothing; and its input does not fit into the pipe.
        let told = shell("exec sleep 600", &vec![0; 1_000_000], Duration::from_millis(100)).unwrap_err();
        assert_eq!(told, SourceError::SlowFile);
        assert!(began.elapsed() < LONG);
    }

    #[test]
    fn one_that_dies_says_nothing() {
        assert_eq!(shell("cat > /dev/null; kill -SEGV $$", b"%PDF-", LONG).unwrap(), b"");
        assert_eq!(ask(Path::new("/nonexistent"), &[], b"", LONG).unwrap_err(), SourceError::Busy);
    }
}

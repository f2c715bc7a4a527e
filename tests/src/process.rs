//! A real binary in its own process: its environment, what it prints, and how it ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::server;

/// One program with one environment; it can be killed and started again, and it dies with this value.
#[derive(Debug)]
pub struct Process {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts `program`. Its environment is `PATH` and what is given here, nothing else.
    pub fn start(
        program: impl AsRef<Path>,
        arguments: &[&str],
        environment: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        let program = program.as_ref().to_owned();
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let environment: Vec<(String, String)> =
            environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let lines = Arc::default();
        let child = spawn(&program, &arguments, &environment, &lines);
        Self { program, arguments, environment, child, lines }
    }

    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Every line it has printed so far, over all its lives, both streams in the order of arrival.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no holder panics").clone()
    }

    /// Waits for a line that contains `needle` and returns it.
    ///
    /// # Panics
    /// When it does not come within `limit`; the message shows what was printed instead.
    pub async fn wait_for_line(&mut self, needle: &str, limit: Duration) -> String {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            if let Some(line) = self.lines().into_iter().find(|line| line.contains(needle)) {
                return line;
            }
            let ended = self.child.try_wait().expect("our own child can be waited for");
            assert!(
                tokio::time::Instant::now() < deadline,
                "no line with {needle:?} within {limit:?} (ended: {ended:?}):\n{}",
                self.lines().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until `GET {base}/healthz` answers 200.
    ///
    /// # Panics
    /// When the process ends, or is not healthy within `limit`; the message shows what it printed.
    pub async fn wait_until_healthy(&mut self, base: &str, limit: Duration) {
        let client = server::client();
        let address = format!("{base}/healthz");
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let asked = client.get(&address).timeout(Duration::from_secs(2)).send().await;
            if asked.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            let ended = self.child.try_wait().expect("our own child can be waited for");
            assert!(
                ended.is_none() && tokio::time::Instant::now() < deadline,
                "not healthy within {limit:?} (ended: {ended:?}):\n{}",
                self.lines().join("\n")
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it as a power cut would (SIGKILL), and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("our own child can be killed");
    }

    /// Sends what Ctrl-C sends and returns how it ended, or nothing when it had not ended within `limit`.
    pub async fn interrupt(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        let id = self.child.id()?.to_string();
        Command::new("kill").args(["-INT", &id]).status().await.expect("a POSIX system has `kill`");
        tokio::time::timeout(limit, self.child.wait()).await.ok()?.ok()
    }

    /// Waits until it ends by itself, for commands that do one thing.
    pub async fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().await.expect("our own child can be waited for")
    }

    /// Kills it if it still runs, and starts the same program with the same environment.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.child = spawn(&self.program, &self.arguments, &self.environment, &self.lines);
    }

    /// Resident memory in KiB (Linux), or nothing when it does not run.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// CPU time it has used so far, user and system together, in scheduler ticks of 10 ms (Linux).
    pub fn cpu_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()?)).ok()?;
        // The program's name may hold spaces, so count the fields behind its closing parenthesis: 14 and 15 of proc(5).
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Duration::from_millis(ticks * 10))
    }
}

/// A binary that cargo built beside the running test or bench.
///
/// # Panics
/// When it is not there: a test that needs it cannot pass without it.
pub fn binary(name: &str) -> PathBuf {
    let me = std::env::current_exe().expect("a running program knows its file");
    let found = me.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built; `cargo build` it first"))
}

fn spawn(
    program: &Path,
    arguments: &[String],
    environment: &[(String, String)],
    lines: &Arc<Mutex<Vec<String>>>,
) -> Child {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    read_lines(child.stdout.take().expect("stdout is piped"), lines);
    read_lines(child.stderr.take().expect("stderr is piped"), lines);
    child
}

fn read_lines(stream: impl AsyncRead + Send + Unpin + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = Arc::clone(lines);
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = reader.next_segment().await {
            lines.lock().expect("no holder panics").push(String::from_utf8_lossy(&line).into_owned());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_killed_process_starts_again_with_its_environment() {
        let script = ["-c", "echo \"I am $NAME\"; echo oops >&2; exec sleep 60"];
        let mut process = Process::start("/bin/sh", &script, [("NAME", "Zephyr")]);
        process.wait_for_line("I am Zephyr", SOON).await;
        process.wait_for_line("oops", SOON).await;
        let first = process.id().expect("it runs");
        assert!(process.resident_kib().is_some_and(|kib| kib > 0));

        process.restart().await;
        assert_ne!(process.id(), Some(first));
        server::eventually(SOON, async || {
            (process.lines().iter().filter(|line| *line == "I am Zephyr").count() == 2).then_some(())
        })
        .await;
        process.kill().await;
        assert_eq!(process.id(), None);
    }

    #[tokio::test]
    async fn ctrl_c_reaches_the_process() {
        let script = ["-c", "trap 'echo bye; exit 3' INT; echo ready; while :; do sleep 0.05; done"];
        let mut process = Process::start("/bin/sh", &script, [("A", "b")]);
        process.wait_for_line("ready", SOON).await;
        let ended = process.interrupt(SOON).await.expect("it ends");
        assert_eq!(ended.code(), Some(3));
    }
}

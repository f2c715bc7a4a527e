//! `guildhall`: everything in one process on one machine.

use clap::Parser as _;
use guildhall::config::{Config, StandaloneConfig};
use guildhall::knowledge::extract::isolated;
use standalone::cli::{Cli, Command, KnowledgeCommand, Remote};
use standalone::house::Work;
use standalone::{commands, door::Session, serve};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3, for which the crate has no name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Lets freed memory go back to the system at once. After an index was built or a rush of questions was answered, it would
/// otherwise stay resident until other work happens to sweep it, which on a quiet machine may be never.
fn return_freed_memory() {
    #[expect(unsafe_code, reason = "mimalloc has its options only in C; no pointer is involved")]
    // SAFETY: sets one number in mimalloc's table of options, which may be done at any time.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, 0);
    };
}

fn main() -> ExitCode {
    isolated::serve_if_asked();
    return_freed_memory();
    start()
}

#[tokio::main]
async fn start() -> ExitCode {
    let cli = Cli::parse();
    guildhall::telemetry::init();
    match Box::pin(run(cli)).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("guildhall: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let (config, machine) = (Config::from_env()?, StandaloneConfig::from_env()?);
    let command = match cli.command {
        Command::Serve => {
            serve::run(config, machine).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Remote(command) => command,
    };
    // Whoever adds waits anyway until everything is read.
    let adds = matches!(command, Remote::Knowledge(KnowledgeCommand::Add(_)));
    let work = if adds { Work::Everything } else { Work::OnlyNew };
    let session = Session::connect(&config, &machine, work).await?;
    let code = commands::run(command, &session.client).await;
    session.close().await;
    code
}

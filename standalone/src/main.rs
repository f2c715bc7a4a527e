//! `guildhall`: everything in one process on one machine.

use clap::Parser as _;
use guildhall::config::{Config, StandaloneConfig};
use guildhall::knowledge::extract::isolated;
use standalone::cli::{Cli, Command};
use standalone::{commands, door::Session, serve};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    isolated::serve_if_asked();
    start()
}

#[tokio::main]
async fn start() -> ExitCode {
    let cli = Cli::parse();
    guildhall::telemetry::init();
    match run(cli).await {
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
    let session = Session::connect(&config, &machine).await?;
    let code = commands::run(command, &session.client).await;
    session.close().await;
    code
}

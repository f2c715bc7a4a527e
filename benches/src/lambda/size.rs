//! How large functions are: the program, the archive that Lambda fetches, and what is resident of it.

use super::runtime::{FLOOR, Running, World, program};
use crate::measure::{self, Row};
use anyhow::Result;
use bytes::Bytes;
use std::io::{Cursor, Write as _};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The function that a member waits for.
const FIRST: &str = "interactions";

/// Bytes that its archive and its memory may have, and the program of any other.
const ARCHIVE: u64 = 3_000_000;
const RESIDENT: u64 = 16_000_000;
const PROGRAM: u64 = 10_000_000;

/// Every function after its first event.
pub(crate) async fn run() -> Result<()> {
    let world = World::new().await;
    let mut rows = vec![Row::plain(format!("`{FLOOR}`"), show(&sizes(FLOOR)?))];
    rows.push(Row::plain("… resident", resident(&world, FLOOR, &Bytes::from_static(b"{}")).await?.1));
    let mut measured = FLOOR;
    for case in world.cases() {
        let is_first = case.function == FIRST;
        if measured != case.function {
            let sizes = sizes(case.function)?;
            let row = Row::plain(format!("`{}`", case.function), show(&sizes));
            rows.push(if is_first {
                row.aiming(format!("zip < {} MB", ARCHIVE / 1_000_000), sizes.1 < ARCHIVE)
            } else {
                row.aiming(format!("program < {} MB", PROGRAM / 1_000_000), sizes.0 < PROGRAM)
            });
            measured = case.function;
        }
        let (highest, text) = resident(&world, case.function, &case.event).await?;
        let row = Row::plain(format!("… resident after {}", case.what), text);
        rows.push(if is_first {
            row.aiming(format!("< {} MB", RESIDENT / 1_000_000), highest < RESIDENT)
        } else {
            row
        });
    }
    measure::print("lambda-size: programs of the profile `lambda`, and their archives", &rows)
}

/// Bytes of a program and of its archive.
fn sizes(name: &str) -> Result<(u64, u64)> {
    let program = std::fs::read(program(name)?)?;
    let options = SimpleFileOptions::default().compression_level(Some(9)).unix_permissions(0o755);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("bootstrap", options)?;
    archive.write_all(&program)?;
    let archive = archive.finish()?.into_inner();
    Ok((program.len() as u64, archive.len() as u64))
}

/// The most that was resident of a function by the end of its first event, and that in words.
async fn resident(world: &World, name: &'static str, event: &Bytes) -> Result<(u64, String)> {
    let mut running = Running::start(world, name).await?;
    running.asks().await?;
    running.answers(event).await?;
    let (now, highest) = running.resident()?;
    Ok((highest, format!("{} (at most {})", megabytes(now), megabytes(highest))))
}

fn show((program, archive): &(u64, u64)) -> String {
    format!("{}, zip {}", megabytes(*program), megabytes(*archive))
}

#[expect(clippy::cast_precision_loss, reason = "megabytes")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

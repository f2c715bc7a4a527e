//! One `/ask` from its signed bytes to a question that survives the death of the process, beside one bare check of its
//! signature.

use crate::measure::{self, Row, each, median, process_cpu, thread_cpu};
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use ed25519_dalek::{Signature, VerifyingKey};
use guildhall::interactions::{Decision, Verified, decide};
use guildhall::job::Job;
use guildhall::job::local::Jobs;
use guildhall::store::Store;
use jiff::Timestamp;
use standalone::table;
use std::hint::black_box;
use tests::fake_discord::FakeDiscord;

const ROUNDS: usize = 7;

/// Interactions of one kind in a round.
const EACH: usize = 400;

/// Interactions that arrive together.
const AT_A_TIME: usize = 200;

/// What came over the wire.
#[derive(Clone)]
struct Posted {
    signature: Bytes,
    timestamp: Bytes,
    body: Bytes,
}

/// The same, as far as a bare check wants it prepared.
struct Bare {
    signed: Vec<u8>,
    signature: Signature,
}

/// A few hundred interactions at a time in turn: bare check, everything without the queue, with it.
pub(crate) async fn run() -> Result<()> {
    let discord = FakeDiscord::start().await;
    let key = guildhall::config::public_key(&discord.public_key_hex())?;
    let folder = tempfile::tempdir()?;
    let store = Store::new(table::open(&folder.path().join("table.db"))?, "bench");
    store.create_table().await?;
    // Nobody takes the jobs out: only their acceptance is measured.
    let (jobs, _runner) = Jobs::open(store, guildhall::job::local::Earlier::Wait).await?;

    let (mut bare, mut decided, mut alone, mut together) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let posted = post(&discord, EACH)?;
        let prepared: Vec<Bare> = posted.iter().map(prepare).collect::<Result<_>>()?;
        let (cpu, ()) = thread_cpu(|| prepared.iter().try_for_each(|bare| Ok(check(&key, bare)?)))?;
        bare.push(each(cpu, EACH));
        let (cpu, ()) = thread_cpu(|| {
            posted.iter().try_for_each(|posted| {
                black_box(question(&key, posted)?);
                Ok(())
            })
        })?;
        decided.push(each(cpu, EACH));

        let (cpu, ()) = process_cpu(async {
            for posted in &posted {
                accept(&jobs, &key, posted).await?;
            }
            Ok(())
        })
        .await?;
        alone.push(each(cpu, EACH));

        let posted = post(&discord, EACH)?;
        let (cpu, ()) = process_cpu(async {
            for wave in posted.chunks(AT_A_TIME) {
                let tasks = wave.iter().map(|posted| {
                    let (jobs, posted) = (jobs.clone(), posted.clone());
                    tokio::spawn(async move { accept(&jobs, &key, &posted).await })
                });
                for done in futures::future::join_all(tasks).await {
                    done??;
                }
            }
            Ok(())
        })
        .await?;
        together.push(each(cpu, EACH));
    }
    let bare = median(&bare);
    let rows = [
        Row::factor("verify, parse, decide", median(&decided), bare, None),
        Row::factor("and enqueue durably, one at a time", median(&alone), bare, Some(2.5)),
        Row::factor(format!("and enqueue durably, {AT_A_TIME} at a time"), median(&together), bare, Some(2.5)),
    ];
    measure::print("interaction: CPU of the whole process for one /ask; floor: one bare `verify_strict`", &rows)
}

fn post(discord: &FakeDiscord, count: usize) -> Result<Vec<Posted>> {
    let signed = |number: usize| {
        let member = discord.member(&format!("member{number}"));
        let interaction = member.ask("How do I set the address on which the server listens on Windows?", false);
        let request = discord.signed(&interaction.body);
        Ok(Posted {
            signature: request.signature.context("signed")?.into(),
            timestamp: request.timestamp.context("dated")?.into(),
            body: request.body,
        })
    };
    (0..count).map(signed).collect()
}

fn prepare(posted: &Posted) -> Result<Bare> {
    let signed = [&posted.timestamp[..], &posted.body].concat();
    Ok(Bare { signed, signature: Signature::from_slice(&hex::decode(&posted.signature)?)? })
}

fn check(key: &VerifyingKey, bare: &Bare) -> Result<(), ed25519_dalek::SignatureError> {
    black_box(key).verify_strict(black_box(&bare.signed), black_box(&bare.signature))
}

fn question(key: &VerifyingKey, posted: &Posted) -> Result<(Job, Timestamp)> {
    let now = Timestamp::now();
    let Posted { signature, timestamp, body } = posted;
    let Ok(verified) = Verified::check(|_| Some(key), signature, timestamp, body, now) else {
        bail!("a good signature was refused")
    };
    match decide(&verified.into_inner(), now) {
        Decision::Ask(question) => Ok((Job::Answer(question), now)),
        _ => bail!("a question was not taken for one"),
    }
}

async fn accept(jobs: &Jobs, key: &VerifyingKey, posted: &Posted) -> Result<()> {
    let (job, now) = question(key, posted)?;
    Ok(jobs.send(&job, now).await?)
}

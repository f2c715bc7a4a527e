//! The dashboard's pages: what each takes and asks of the table, for a small account and for a large one.

use crate::lambda::aws::CountingAws;
use crate::measure::{self, Row, percentile};
use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::routing::get;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use guildhall::account::{Account, Plan};
use guildhall::aws::Limits;
use guildhall::bot::Bot;
use guildhall::config::Config;
use guildhall::dashboard::auth::{Access, Scope, create_token};
use guildhall::dashboard::{self, limits::RateLimits};
use guildhall::discord::{Budget, Discord};
use guildhall::events::{Event, Events};
use guildhall::ids::{AccountId, QuestionId, SourceId};
use guildhall::job::sqs::Jobs;
use guildhall::knowledge::Knowledge;
use guildhall::knowledge::fetch::{FetchLimits, Fetcher};
use guildhall::knowledge::source::{IndexPointer, Origin, Ready, Source, Status};
use guildhall::mail::Mailer;
use guildhall::settings::Guild;
use guildhall::store::{Delivery, OpenQuestion, Quota, Store};
use guildhall::usage::Kind;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION};
use secrecy::ExposeSecret as _;
use standalone::house::{House, Work};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::fake_discord::FakeDiscord;
use tests::process::{Process, binary};
use tests::server::{Server, client, free_port};
use twilight_model::id::Id;

/// What a page may take.
const WANTED: Duration = Duration::from_millis(5);

/// What is put into the table side by side.
const SIDE_BY_SIDE: usize = 32;

/// Times that each page is asked for, and before they count.
const TIMES: usize = 200;
const WARM: usize = 40;

const PATIENCE: Duration = Duration::from_secs(30);

/// What an account has.
struct Size {
    guilds: u32,
    sources: u32,
    passages_each: u32,
    days: i32,
    questions: u64,
}

const SMALL: Size = Size { guilds: 1, sources: 10, passages_each: 2, days: 1, questions: 1 };

/// 10,000 passages.
const LARGE: Size = Size { guilds: 100, sources: 500, passages_each: 20, days: 365, questions: 200 };

/// The same passages, each a source of its own.
const MANY_SOURCES: Size = Size { guilds: 100, sources: 10_000, passages_each: 1, days: 365, questions: 200 };

/// What a browser asks for.
struct Visit {
    url: String,
    token: String,
    client: reqwest::Client,
}

impl Visit {
    fn new(url: String, token: String) -> Self {
        Self { url, token, client: client() }
    }

    /// How long a page takes, and its size on the wire.
    async fn page(&self, path: &str) -> Result<(Duration, usize)> {
        let request = self.client.get(format!("{}{path}", self.url)).header(ACCEPT_ENCODING, "gzip");
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        let began = Instant::now();
        let response = request.send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        let took = began.elapsed();
        ensure!(status.is_success(), "{path} is answered with {status}");
        Ok((took, body.len()))
    }

    async fn times(&self, path: &str) -> Result<(Vec<Duration>, usize)> {
        for _ in 0..WARM {
            self.page(path).await?;
        }
        let (mut times, mut bytes) = (Vec::with_capacity(TIMES), 0);
        for _ in 0..TIMES {
            let (took, size) = self.page(path).await?;
            times.push(took);
            bytes = size;
        }
        Ok((times, bytes))
    }
}

/// A page's name and its address.
fn pages(discord: &FakeDiscord) -> Vec<(&'static str, String)> {
    let guild = discord.guild_id();
    [
        ("overview", "/".to_owned()),
        ("servers", "/servers".to_owned()),
        ("a server's settings", format!("/servers/{guild}")),
        ("a server's health", format!("/servers/{guild}/health")),
        ("knowledge", "/knowledge".to_owned()),
        ("… those that failed", "/knowledge?only=failed".to_owned()),
        ("… found by a title", "/knowledge?find=handbook+0".to_owned()),
        ("a source", format!("/knowledge/{}", source_id(0))),
        ("adding", "/knowledge/add".to_owned()),
        ("open questions", "/knowledge/questions".to_owned()),
        ("playground", "/playground".to_owned()),
        ("usage", "/usage".to_owned()),
        ("team", "/team".to_owned()),
        ("notifications", "/notifications".to_owned()),
        ("tokens", "/tokens".to_owned()),
    ]
    .into()
}

pub(crate) async fn run() -> Result<()> {
    let small = Box::pin(counted(&SMALL)).await?;
    Box::pin(requests(
        &small,
        &LARGE,
        "pages: requests to the table, 100 servers, 500 sources with 10000 passages, a year of usage; floor: an account with \
         one server, ten sources and one day",
    ))
    .await?;
    let mut rows = vec![floor().await?];
    rows.extend(times(&LARGE).await?);
    measure::print(
        "pages: release binary on one machine, 100 servers, 500 sources with 10000 passages, a year of usage; floor: an empty \
         answer of axum",
        &rows,
    )?;
    let rows = times(&MANY_SOURCES).await?;
    measure::print("pages: the same passages in 10000 sources", &rows)?;
    Box::pin(requests(&small, &MANY_SOURCES, "pages: requests to the table, the same passages in 10000 sources")).await
}

async fn floor() -> Result<Row> {
    let server = Server::start(Router::new().route("/", get(async || ()))).await;
    let (times, _) = Visit::new(server.url(), String::new()).times("/").await?;
    Ok(Row::plain("an empty answer, p50", measure::show(percentile(&times, 50))))
}

/// What each page takes of the real program.
async fn times(size: &Size) -> Result<Vec<Row>> {
    let (discord, data) = (FakeDiscord::start().await, tempfile::tempdir()?);
    discord.without_rate_limits();
    let config = Config::from_vars(&|_| None)?;
    let house = House::open(&config, data.path(), Plan::Pro, Work::OnlyNew, Access::default()).await?;
    let token = fill(&house.bot.store, &discord, size).await?;
    house.bot.store.put_guide(&AccountId::local(), &standalone::guide::version()).await?;
    house.close().await;

    let address = format!("127.0.0.1:{}", free_port());
    let mut environment = discord.environment();
    for (name, value) in [
        ("GUILDHALL_ADDR", address.as_str()),
        ("GUILDHALL_DATA", data.path().to_str().context("the data folder's path is text")?),
        ("GUILDHALL_REQUESTS_PER_MINUTE", "1000000"),
        ("GUILDHALL_PLAN", "pro"),
    ] {
        environment.push((name.to_owned(), value.to_owned()));
    }
    let mut process = Process::start(binary("guildhall"), &["serve"], environment);
    process.wait_until_healthy(&format!("http://{address}"), PATIENCE).await;
    let visit = Visit::new(format!("http://{address}"), token);
    let mut rows = Vec::new();
    for (name, path) in pages(&discord) {
        let (times, bytes) = visit.times(&path).await?;
        let what = format!("{name} (p95 {}; {bytes} bytes)", measure::show(percentile(&times, 95)));
        rows.push(Row::limit(what, percentile(&times, 50), None, WANTED));
    }
    Ok(rows)
}

/// What each page asks of the table, beside what it asks for a small account.
async fn requests(small: &[(&str, Requests)], size: &Size, title: &str) -> Result<()> {
    let large = Box::pin(counted(size)).await?;
    let sum = |counts: &Requests| counts.iter().map(|(_, calls)| calls).sum::<u64>();
    let rows: Vec<Row> = small
        .iter()
        .zip(large)
        .map(|((name, small), (_, large))| {
            let what = format!("{name}: {}", kinds(&large));
            let (small, large) = (sum(small), sum(&large));
            let mut row = Row::plain(what, format!("{large}")).aiming("as the floor", large == small);
            row.floor = small.to_string();
            row
        })
        .collect();
    measure::print(title, &rows)
}

fn kinds(counts: &[(String, u64)]) -> String {
    let kinds: Vec<String> = counts.iter().map(|(name, calls)| format!("{calls} {name}")).collect();
    kinds.join(", ")
}

type Requests = Vec<(String, u64)>;

async fn counted(size: &Size) -> Result<Vec<(&'static str, Requests)>> {
    let (discord, aws) = (FakeDiscord::start().await, CountingAws::start().await?);
    discord.without_rate_limits();
    let store = aws.store();
    let token = fill(&store, &discord, size).await?;
    let environment = discord.environment();
    let config =
        Config::from_vars(&|name| environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))?;
    let jobs = Jobs::new(aws.aws.queues(Limits::QUEUE), &aws.local.queues, None);
    let knowledge = Knowledge::new(store.clone(), aws.files()?, Fetcher::new(FetchLimits::default(), false)?, None);
    let shared = Discord::new(&config.discord_api_url, config.discord.as_ref(), None, Budget::Own)?;
    let events = Events::Local(Mailer::smtp(None)?);
    let mut bot = Bot::new(store, jobs.into(), knowledge, None, events, Some(Arc::new(shared)), None);
    bot.limits = RateLimits::new(config.rates, Vec::new());
    let server = Server::start(dashboard::router(Arc::new(bot))).await;
    let visit = Visit::new(server.url(), token);
    let mut counted = Vec::new();
    for (name, path) in pages(&discord) {
        // What is looked at anew each quarter of an hour has been looked at.
        for _ in 0..WARM {
            visit.page(&path).await?;
        }
        aws.counted();
        visit.page(&path).await?;
        let requests = aws.counted().into_iter().filter(|(name, _)| name.starts_with("DynamoDB"));
        counted.push((name, requests.map(|(name, count)| (name.replace("DynamoDB ", ""), count.calls)).collect()));
    }
    Ok(counted)
}

fn source_id(number: u32) -> String {
    format!("src{number:05}")
}

/// Gives the account what it has; a token that opens it.
async fn fill(store: &Store, discord: &FakeDiscord, size: &Size) -> Result<String> {
    let (account, now) = (AccountId::local(), Timestamp::now());
    store.put_account(&Account { id: account.clone(), name: "Bench".to_owned(), plan: Plan::Pro }).await?;
    for number in 0..size.guilds {
        let id = if number == 0 { discord.guild_id() } else { discord.add_guild(&format!("Server {number}")) };
        // With settings that somebody has set: what is found of it is kept.
        let guild = Guild { version: 1, ..Guild::new(Id::new(id), account.clone()) };
        ensure!(store.put_guild(&guild, now).await?, "somebody has the server already");
    }
    let sources = (0..size.sources).map(|number| put_source(store, size, number, now));
    stream::iter(sources).buffer_unordered(SIDE_BY_SIDE).try_collect::<()>().await?;
    let passages = u64::from(size.sources * size.passages_each);
    let pointer = IndexPointer { version: 1, object: "none".to_owned(), passages, sources: size.sources, at: now };
    ensure!(store.swap_index(&account, &pointer).await?, "the account has an index already");
    let days = (0..size.days).map(|day| put_usage(store, now - SignedDuration::from_hours(24 * i64::from(day))));
    stream::iter(days).buffer_unordered(SIDE_BY_SIDE).try_collect::<()>().await?;
    for number in 0..size.questions {
        let id = QuestionId::generate(now - SignedDuration::from_secs(i64::try_from(number)?));
        let question = OpenQuestion::new(id, &format!("What is part {number} for?"), now, now);
        store.put_unanswered(&account, &question).await?;
    }
    for number in 0..size.guilds {
        store.put_event(&Event::quota(account.clone(), &format!("2026-{number:02}"), 80, 2_500, now)).await?;
        create_token(store, &account, &format!("token {number}"), Scope::all(), None, None, now).await?;
    }
    let (_, token) = create_token(store, &account, "bench", Scope::all(), None, None, now).await?;
    Ok(token.expose_secret().to_owned())
}

async fn put_source(store: &Store, size: &Size, number: u32, now: Timestamp) -> Result<()> {
    let (content, at) = ("1".to_owned(), now - SignedDuration::from_mins(i64::from(number)));
    let ready =
        Ready { documents: 1, passages: size.passages_each, skipped: Vec::new(), missing: Vec::new(), content, at };
    let status =
        if number % 10 == 9 { Status::Failed { reason: "It is gone.".to_owned(), cause: None } } else { Status::Ready };
    let source = Source {
        id: SourceId(source_id(number)),
        account: AccountId::local(),
        origin: Origin::Text,
        title: format!("Handbook {number}"),
        status,
        ready: Some(ready),
        content: Some("1".to_owned()),
        revision: at,
        original: None,
        created_at: at,
    };
    store.put_source(&source).await
}

async fn put_usage(store: &Store, at: Timestamp) -> Result<()> {
    let account = AccountId::local();
    for kind in [Kind::Mention, Kind::Command, Kind::AllMessages] {
        let quota = Quota { account: &account, limit: 10_000, kind };
        let delivery = Delivery { id: "bench".to_owned(), attempt: 1 };
        store.admit(&[QuestionId::generate(at)], Some(quota), &delivery, at).await?;
    }
    Ok(())
}

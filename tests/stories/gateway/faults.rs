//! Everything that a gateway and the REST API can do wrong, one after the other, while somebody asks.

use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::json;
use tests::fake_discord::{Fault, GatewayFault, Member};
use tests::server::eventually;
use tests::world::{SOON, Start, World};

use super::{Asked, ask, crowd, each_is_answered_once, library, words};

/// A zombie is found after two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Two people who ask in turn, each in a channel of their own.
struct Trickle {
    world: World,
    people: Vec<Member>,
    asked: Vec<Asked>,
}

impl Trickle {
    async fn start() -> Self {
        let world = library(100, Start::default()).await;
        let people = crowd(&world.discord, 2, 1);
        Self { world, people, asked: Vec::new() }
    }

    /// The same with a heart that beats so fast that a zombie is found soon.
    async fn start_with_quick_heartbeats() -> Self {
        let mut trickle = Self::start().await;
        // What HELLO says holds for connections that begin later.
        trickle.world.discord.gateway().set(|settings| settings.heartbeat = HEARTBEAT);
        trickle.world.restart().await;
        trickle.world.discord.gateway().wait_until_connected(1, SOON).await;
        trickle
    }

    fn asks(&mut self) -> u64 {
        let asked = ask(&self.people[self.asked.len() % 2], self.asked.len());
        self.asked.push(asked);
        asked.id
    }

    async fn is_answered(&self, message: u64, when: &str) {
        let began = Instant::now();
        while self.world.discord.replies_to(message).is_empty() {
            assert!(began.elapsed() < SOON, "not answered {when}: {:?}", self.world.discord.gateway().sequences());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What was asked has been sent to whoever is connected.
    async fn is_heard(&self) {
        let gateway = self.world.discord.gateway();
        let heard = async || {
            let all_sent = gateway.sequences().iter().all(|(_, newest, sent)| newest == sent);
            (all_sent && gateway.connected().len() == 1).then_some(())
        };
        eventually(SOON, heard).await;
    }

    /// Another session than these many has begun.
    async fn begins_anew(&self, identifies: usize) {
        let gateway = self.world.discord.gateway();
        eventually(SOON, async || (gateway.record().identifies.len() > identifies).then_some(())).await;
        gateway.wait_until_connected(1, SOON).await;
    }

    /// This happens to the connection. On a machine that does much else a client may just have left by itself, since its
    /// heartbeats were not answered in time: then it happens to its next one.
    async fn meets(&self, fault: &GatewayFault) {
        let gateway = self.world.discord.gateway();
        let met = async || {
            let (told, closes) = (gateway.now(fault), gateway.record().closes);
            assert!(told <= 1, "{told} connections meet {fault:?}: {closes:?}");
            (told == 1).then_some(())
        };
        eventually(SOON, met).await;
    }

    /// One question while it happens, one right after it; both are answered.
    async fn goes_on_through(&mut self, fault: &GatewayFault) {
        let before = self.asks();
        self.meets(fault).await;
        let after = self.asks();
        self.is_answered(before, &format!("before {fault:?}")).await;
        self.is_answered(after, &format!("after {fault:?}")).await;
    }

    /// The same, with a connection that ends by it; the next one is there afterwards.
    async fn comes_back_from(&mut self, fault: &GatewayFault) {
        let gateway = self.world.discord.gateway();
        gateway.wait_until_connected(1, SOON).await;
        let closes = gateway.record().closes.len();
        self.goes_on_through(fault).await;
        eventually(SOON, async || (gateway.record().closes.len() > closes).then_some(())).await;
        gateway.wait_until_connected(1, SOON).await;
    }

    fn is_well(&self) {
        each_is_answered_once(&self.world, &self.asked);
        assert_eq!(self.world.discord.gateway().violations(), Vec::<String>::new());
        self.world.is_quiet();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_between_questions() {
    let mut trickle = Trickle::start().await;
    for fault in [
        GatewayFault::NotJson,
        GatewayFault::UnknownOp,
        GatewayFault::UnknownEvent,
        GatewayFault::NonsenseEvent,
        GatewayFault::RepeatSequence,
        GatewayFault::AskHeartbeat,
        GatewayFault::HugeGuild(10 << 20),
        GatewayFault::OutOfOrder,
        GatewayFault::Delay(Duration::from_millis(500)),
    ] {
        trickle.goes_on_through(&fault).await;
    }
    let closes = trickle.world.discord.gateway().record().closes;
    assert!(closes.is_empty(), "none of this is a reason to leave: {closes:?}");
    trickle.is_well();
}

/// Three worlds side by side: most of this is waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_ends_a_connection_no_question_is_lost() {
    tokio::join!(
        what_can_be_resumed_is_resumed(),
        what_cannot_be_resumed_is_begun_anew(),
        what_discord_will_never_take_is_told_once_and_left()
    );
}

async fn what_can_be_resumed_is_resumed() {
    let mut trickle = Trickle::start_with_quick_heartbeats().await;
    let gateway = trickle.world.discord.gateway();
    let began = Instant::now();
    let resumes = gateway.record().resumes.len();
    let faults = [
        GatewayFault::Reconnect,
        GatewayFault::Cut,
        GatewayFault::CorruptZstd,
        GatewayFault::AbsurdSequence,
        GatewayFault::InvalidSession(true),
        GatewayFault::Silence,
        GatewayFault::Close(4_000),
        GatewayFault::Close(4_008),
    ];
    for fault in &faults {
        trickle.comes_back_from(fault).await;
    }
    // On the way back the gateway is not there, or says nothing for a while, or takes no resume at once.
    for fault in [
        GatewayFault::Refuse,
        GatewayFault::HangOnConnect(Duration::from_secs(2)),
        GatewayFault::Reconnect,
        GatewayFault::Delay(Duration::from_secs(1)),
    ] {
        gateway.next(fault);
        trickle.comes_back_from(&GatewayFault::Cut).await;
    }
    // Somebody writes a question in two messages, and only the first is heard in time. It is one question all the same.
    let person = trickle.people[0].clone();
    person.tells_bot("hello,");
    trickle.is_heard().await;
    trickle.meets(&GatewayFault::Cut).await;
    let number = trickle.asked.len();
    let id = person.tells_bot(&words(number));
    trickle.asked.push(Asked { number, id, conversation: (person.channel_id, person.id) });
    trickle.is_answered(id, "in two messages").await;
    let record = gateway.record();
    assert_eq!(record.identifies.len(), 1, "all of this is resumed");
    eprintln!("{} faults, {} resumes, {:?}", faults.len() + 5, record.resumes.len() - resumes, began.elapsed());
    trickle.is_well();
}

async fn what_cannot_be_resumed_is_begun_anew() {
    let mut trickle = Trickle::start().await;
    let gateway = trickle.world.discord.gateway();
    let began = Instant::now();
    for fault in [
        GatewayFault::InvalidSession(false),
        GatewayFault::Close(4_007),
        GatewayFault::Close(4_009),
        // Here it is Guildhall that gives the session up.
        GatewayFault::Close(4_003),
    ] {
        let (before, identifies) = (trickle.asks(), gateway.record().identifies.len());
        trickle.is_heard().await;
        trickle.meets(&fault).await;
        // What is said while there is no session, nobody hears.
        trickle.begins_anew(identifies).await;
        let after = trickle.asks();
        trickle.is_answered(before, &format!("before {fault:?}")).await;
        trickle.is_answered(after, &format!("after {fault:?}")).await;
    }
    // Discord forgets the session, and the next one has no address to be resumed at.
    let identifies = gateway.record().identifies.len();
    gateway.next(GatewayFault::Delay(Duration::ZERO));
    gateway.next(GatewayFault::NoResumeUrl);
    gateway.forgets_sessions();
    trickle.begins_anew(identifies).await;
    trickle.comes_back_from(&GatewayFault::Cut).await;
    let record = gateway.record();
    assert!(record.resumes.last().is_some_and(|resume| !resume.at_resume_url));
    eprintln!("{} new sessions, {:?}", record.identifies.len() - 1, began.elapsed());
    trickle.is_well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_that_fails_around_a_gateway_that_works() {
    let mut trickle = Trickle::start().await;
    let discord = trickle.world.discord.clone();
    let refused = |status, code| Fault::Refused { status, code, message: "planned".to_owned() };
    // Where the gateway is was told before: a session needs no second telling to be resumed.
    for fault in [
        refused(401, 0),
        refused(403, 0),
        refused(404, 0),
        Fault::RateLimited { retry_after: Duration::from_millis(300), global: false },
        Fault::Status(500),
        Fault::Status(503),
        Fault::Close,
    ] {
        let told = || discord.requests().iter().filter(|request| request.path == "/gateway/bot").count();
        let before = told();
        discord.next_on(&Method::GET, "/gateway/bot", 1, fault.clone());
        trickle.world.restart().await;
        let asked = trickle.asks();
        trickle.is_answered(asked, &format!("after {fault:?} of GET /gateway/bot")).await;
        // A process that begins does not know that it has been told to wait.
        let requests = if matches!(fault, Fault::RateLimited { .. }) { 2 } else { 1 };
        eventually(SOON, async || (told() >= before + requests).then_some(())).await;
    }
    // Nothing that passes keeps an answer away, and none is posted twice.
    for fault in [
        Fault::RateLimited { retry_after: Duration::from_millis(300), global: false },
        Fault::Status(500),
        Fault::Status(502),
        Fault::Close,
        Fault::CloseAfter,
    ] {
        for person in &trickle.people {
            let path = format!("/channels/{}/messages", person.channel_id);
            discord.next_on(&Method::POST, &path, 1, fault.clone());
        }
        let (one, other) = (trickle.asks(), trickle.asks());
        trickle.is_answered(one, &format!("after {fault:?} of a post")).await;
        trickle.is_answered(other, &format!("after {fault:?} of a post")).await;
    }
    assert_eq!(discord.gateway().record().identifies.len(), 1);
    trickle.is_well();
}

async fn what_discord_will_never_take_is_told_once_and_left() {
    let mut trickle = Trickle::start().await;
    let gateway = trickle.world.discord.gateway();
    for code in [4_004, 4_010, 4_011, 4_012, 4_013, 4_014] {
        let before = trickle.asks();
        trickle.is_answered(before, &format!("before {code}")).await;
        let lines = trickle.world.guildhall.lines().len();
        trickle.meets(&GatewayFault::Close(code)).await;
        let errors = |world: &World| -> Vec<String> {
            world.guildhall.lines()[lines..]
                .iter()
                .filter(|line| line.contains(r#""level":"ERROR""#))
                .cloned()
                .collect()
        };
        eventually(SOON, async || (!errors(&trickle.world).is_empty()).then_some(())).await;
        let (connections, closes) = (gateway.connected().len(), gateway.record().closes.len());
        // Commands and the API work all the same.
        let ann = trickle.world.member("ann");
        ann.asks("where is book 0000?").await;
        assert!(ann.sees().await.starts_with("Book 0000"));
        let question = json!({"question": "where is book 0001?"});
        let (status, _) = trickle.world.api(Method::POST, "/ask", Some(question)).await;
        assert_eq!(status, 200);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!((connections, gateway.connected().len(), gateway.record().closes.len()), (0, 0, closes), "{code}");
        let errors = errors(&trickle.world);
        assert_eq!(errors.len(), 1, "{errors:#?}");
        eprintln!("{code}: {}", errors[0]);
        // Whoever starts it again has perhaps repaired what was wrong.
        let identifies = gateway.record().identifies.len();
        trickle.world.restart().await;
        trickle.begins_anew(identifies).await;
    }
    let last = trickle.asks();
    trickle.is_answered(last, "after all that").await;
    for asked in &trickle.asked {
        assert_eq!(trickle.world.discord.replies_to(asked.id).len(), 1);
    }
    assert_eq!(gateway.violations(), Vec::<String>::new());
    trickle.world.is_quiet();
}

//! What a worker function does on AWS, in this process: takes jobs from the queue, thinks with the fake model, posts.

use std::sync::Arc;

use guildhall::bot::Bot;
use guildhall::config::Config;
use guildhall::discord::{Budget, Discord};
use guildhall::events::Events;
use guildhall::http;
use guildhall::job::sqs;
use guildhall::knowledge::Knowledge;
use guildhall::knowledge::fetch::{FetchLimits, Fetcher};
use guildhall::knowledge::files::Files;
use guildhall::llm::Llm;
use guildhall::mail::Mailer;
use jiff::Timestamp;
use object_store::memory::InMemory;
use tests::local_aws::LocalAws;
use tokio::runtime::Runtime;

/// A consumer on threads of its own, so that it can be killed between any two steps.
pub(super) struct Consumer {
    runtime: Option<Runtime>,
}

impl Consumer {
    /// Starts to take jobs.
    pub(super) fn start(aws: &LocalAws, environment: &[(String, String)]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads can be started");
        let value = |name: &str| environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let config = Config::from_vars(&value).expect("the fakes say where they are");
        let jobs = aws.jobs();
        let _inside = runtime.enter();
        let store = aws.store();
        let files = Files::new(Arc::new(InMemory::new()));
        let fetcher = Fetcher::new(FetchLimits::default(), false).expect("a client can be built");
        let knowledge = Knowledge::new(store.clone(), files, fetcher, None);
        let client = http::client_builder().build().expect("a client can be built");
        let llm = Llm::configured(&config, client);
        let discord =
            Discord::new(&config.discord_api_url, config.discord.as_ref(), None, Budget::Shared(store.clone()))
                .expect("a client can be built");
        let events = Events::Local(Mailer::Log);
        let bot = Arc::new(Bot::new(store, jobs.clone().into(), knowledge, llm, events, Some(Arc::new(discord)), None));
        runtime.spawn(sqs::Runner::new(jobs).run(move |step, job, delivery| {
            let bot = Arc::clone(&bot);
            async move { sqs::step(&bot, guildhall::job::run, step, &job, &delivery, Timestamp::now()).await }
        }));
        Self { runtime: Some(runtime) }
    }

    /// Ends it where it stands: nothing more is posted, written or acknowledged.
    pub(super) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.kill();
    }
}

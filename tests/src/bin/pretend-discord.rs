//! A Discord in the terminal, to try Guildhall without one: what is typed is said in a channel, and what the bot says there
//! is printed. It has one server with one channel, and forgets everything when it ends.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use tests::fake_discord::{FakeDiscord, Member};
use tokio::sync::mpsc;

/// How often the channel is looked at: a person notices nothing of it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let discord = FakeDiscord::start().await;
    discord.gateway().set(|settings| settings.message_content = true);
    let variables: String =
        discord.environment().iter().map(|(name, value)| format!("  {name}={value} \\\n")).collect();
    print(&format!(
        "Start Guildhall in another terminal:\n\n{variables}  target/release/guildhall serve\n\nThen say something here:\n\n  \
         ann: @bot how do I make a backup?\n  ann: /ask how long are conversations kept?\n  ann, privately: can you help me?\n\n"
    ))?;

    let (typed, mut lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if typed.send(line).is_err() {
                return;
            }
        }
    });
    let mut scene = Scene { discord, people: HashMap::new(), shown: HashMap::new() };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            // When what was piped in is over, answers may still come.
            Some(line) = lines.recv() => {
                if !line.trim().is_empty() && !scene.hears(&line) {
                    print("Write a name, a colon and what is said.\n")?;
                }
            }
            _ = looks.tick() => print(&scene.news())?,
        }
    }
}

struct Scene {
    discord: FakeDiscord,
    /// By what is written before the colon.
    people: HashMap<String, Member>,
    /// What was printed of each place.
    shown: HashMap<String, Vec<String>>,
}

impl Scene {
    /// Does what a line says; false where it says nothing that is understood.
    fn hears(&mut self, line: &str) -> bool {
        let Some((who, said)) = line.split_once(':') else { return false };
        let (who, said) = (who.trim(), said.trim());
        if who.is_empty() || said.is_empty() {
            return false;
        }
        let discord = self.discord.clone();
        let person = self.people.entry(who.to_owned()).or_insert_with(|| match who.split_once(',') {
            Some((name, _)) => discord.member(name.trim()).in_direct_message(),
            None => discord.member(who),
        });
        match said.strip_prefix("/ask ") {
            Some(question) => {
                person.asks_over_gateway(question, false);
            }
            None => {
                person.says(&said.replace("@bot", &format!("<@{}>", self.discord.application_id())));
            }
        }
        true
    }

    /// What has come since the last look, and what has changed.
    fn news(&mut self) -> String {
        let mut places = vec![("channel".to_owned(), self.discord.reads(self.discord.channel_id()))];
        places.extend(
            self.people.iter().filter(|(who, _)| who.contains(',')).map(|(who, person)| (who.clone(), person.reads())),
        );
        let mut news = String::new();
        for (place, seen) in places {
            let messages = apart(&seen);
            let shown = self.shown.entry(place.clone()).or_default();
            for message in messages.iter().filter(|message| !message.is_empty() && !shown.contains(message)) {
                news.extend(["[", &place, "] ", message, "\n\n"]);
            }
            *shown = messages;
        }
        news
    }
}

/// Messages begin with who says them; what begins otherwise is a further paragraph of the one before.
fn apart(seen: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for paragraph in seen.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let begins = paragraph
            .split_once(": ")
            .is_some_and(|(who, _)| who.split(' ').all(|word| word == "→" || word.chars().all(char::is_alphanumeric)));
        match messages.last_mut() {
            Some(last) if !begins => *last = format!("{last}\n\n{paragraph}"),
            _ => messages.push(paragraph.to_owned()),
        }
    }
    messages
}

fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

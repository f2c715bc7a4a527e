//! `guildhall ask`.

use super::output::say;
use crate::cli::AskArgs;
use crate::client::Client;
use anyhow::Result;
use guildhall::dashboard::api::ask::{AskRequest, AskResponse};
use std::process::ExitCode;

pub(super) async fn run(args: AskArgs, client: &Client) -> Result<ExitCode> {
    let request =
        AskRequest { question: args.question, session: args.session, locale: None, guild: None, steps: false };
    say(&shown(&client.ask(&request).await?))?;
    Ok(ExitCode::SUCCESS)
}

/// The answer as it is, and its sources in a numbered list.
fn shown(answer: &AskResponse) -> String {
    let mut lines = vec![answer.answer.trim_end().to_owned()];
    if !answer.sources.is_empty() {
        lines.push("\nSources:".to_owned());
    }
    lines.extend(answer.sources.iter().enumerate().map(|(i, source)| {
        let address = source.url.as_ref().map(|url| format!(" — {url}")).unwrap_or_default();
        format!("{}. {}{address}", i + 1, source.title)
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall::dashboard::api::ask::AnswerSource;

    #[test]
    fn sources_are_numbered_as_the_answer_cites_them() {
        let sources = vec![
            AnswerSource { title: "Warranty".to_owned(), url: Some("https://docs.example.com/warranty".to_owned()) },
            AnswerSource { title: "handbook.pdf".to_owned(), url: None },
        ];
        let answer = AskResponse {
            answer: "31 months. [1]\n".to_owned(),
            answered: true,
            wants_human: false,
            sources,
            steps: None,
        };
        assert_eq!(
            shown(&answer),
            "31 months. [1]\n\nSources:\n1. Warranty — https://docs.example.com/warranty\n2. handbook.pdf"
        );
    }
}

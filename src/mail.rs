//! E-mails: plain text to one address, by SES, by an SMTP server, or only into the log.
//!
//! Subjects and texts hold what strangers have written. Line breaks and signs that change what a reader sees are taken out,
//! lengths are bounded, and addresses come from a team's own settings alone.

use crate::config::MailConfig;
use crate::sentences::Lang;
use anyhow::{Context as _, Result};
use aws_sdk_sesv2::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message as SesMessage};
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Addresses of one account.
pub const MAX_ADDRESSES: usize = 10;

/// Characters of an address. [RFC 5321: 4.5.3.1.3]
const MAX_ADDRESS: usize = 254;

/// Characters of a subject: what a list of e-mails shows.
const MAX_SUBJECT: usize = 120;

/// Characters of a text.
const MAX_TEXT: usize = 8_000;

/// A whole conversation with an SMTP server, a slow one's checks for spam included.
const PATIENCE: Duration = Duration::from_secs(25);

/// An e-mail address that servers take as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(Address);

/// Who of an account is told what happens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notifications {
    /// Where e-mails go; nobody is told where there is none.
    pub emails: Vec<EmailAddress>,
    /// Their language.
    pub language: Lang,
}

/// An e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    subject: String,
    text: String,
}

/// How e-mails are sent.
#[derive(Debug)]
pub enum Mailer {
    /// By AWS's Simple Email Service.
    Ses {
        /// Its client.
        client: aws_sdk_sesv2::Client,
        /// The sender, whose address or domain SES has verified.
        from: Mailbox,
    },
    /// By a mail server.
    Smtp {
        /// The connections to it.
        server: AsyncSmtpTransport<Tokio1Executor>,
        /// The sender.
        from: Mailbox,
    },
    /// Not at all: a line in the log says that there was one.
    Log,
}

/// Why an e-mail was not sent. Says nothing of addresses and contents.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// It never will be, however often it is tried.
    #[error("it was refused for good: {0}")]
    Refused(String),
    /// Not now.
    #[error("it could not be sent now: {0}")]
    Unavailable(String),
}

/// Says that no person has written it, so that no machine answers. [RFC 3834: 5]
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = String;

    /// Fails with a sentence for whoever entered it.
    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let shown: String = one_line(text, 60);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(c);
        if text.len() > MAX_ADDRESS || !text.chars().all(is_plain) {
            return Err(format!(
                "“{shown}” is no e-mail address of plain letters; write a domain with others as `xn--…`."
            ));
        }
        let address: Address = text.parse().map_err(|_| format!("“{shown}” is no e-mail address."))?;
        if !address.domain().contains('.') {
            return Err(format!("“{shown}” has no whole domain after the @."));
        }
        Ok(Self(address))
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Mail {
    /// An e-mail of plain text. Whatever is in it, the subject is one line, and both have their bounds.
    pub fn new(subject: &str, text: &str) -> Self {
        let text: String = text.chars().filter(|&c| c == '\n' || !is_treacherous(c)).take(MAX_TEXT).collect();
        Self { subject: one_line(subject, MAX_SUBJECT), text }
    }

    /// Its subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Mailer {
    /// By SES, as `from`.
    pub fn ses(client: aws_sdk_sesv2::Client, from: Mailbox) -> Self {
        Self::Ses { client, from }
    }

    /// By the mail server that the environment names; into the log where it names none. Connects with the first e-mail.
    /// Must be called within a tokio runtime.
    pub fn smtp(config: Option<&MailConfig>) -> Result<Self> {
        let Some(MailConfig { from, smtp_url: Some(url) }) = config else { return Ok(Self::Log) };
        // The error would show the address with its password.
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret()).ok();
        let server = server.context("SMTP_URL is no address of a mail server, such as smtps://user:password@host")?;
        Ok(Self::Smtp { server: server.timeout(Some(PATIENCE)).build(), from: from.clone() })
    }

    /// Sends an e-mail to one address. Nobody can tell whether one was sent where this ends without an answer.
    pub async fn send(&self, to: &EmailAddress, mail: &Mail) -> Result<(), NotSent> {
        match self {
            Self::Ses { client, from } => by_ses(client, from, to, mail).await,
            Self::Smtp { server, from } => by_smtp(server, from, to, mail).await,
            Self::Log => {
                tracing::info!("an e-mail was not sent: SMTP_URL is not set");
                Ok(())
            }
        }
    }
}

async fn by_ses(client: &aws_sdk_sesv2::Client, from: &Mailbox, to: &EmailAddress, mail: &Mail) -> Result<(), NotSent> {
    let content = |text: &str| {
        let content = Content::builder().data(text).charset("UTF-8").build();
        content.map_err(|error| NotSent::Refused(error.to_string()))
    };
    let body = Body::builder().text(content(&mail.text)?).build();
    let message = SesMessage::builder().subject(content(&mail.subject)?).body(body).build();
    let sent = client
        .send_email()
        .from_email_address(from.to_string())
        .destination(Destination::builder().to_addresses(to.to_string()).build())
        .content(EmailContent::builder().simple(message).build())
        .send()
        .await;
    let Err(error) = sent else { return Ok(()) };
    // Each of these stays as it is until a person does something. [SES API v2 Reference: SendEmail]
    Err(match error.code() {
        Some(code @ ("MessageRejected" | "MailFromDomainNotVerifiedException")) => {
            NotSent::Refused(format!("{code}: SES has not verified MAIL_FROM or, in its sandbox, the recipient"))
        }
        Some(
            code
            @ ("AccountSuspendedException" | "AccessDeniedException" | "BadRequestException" | "NotFoundException"),
        ) => NotSent::Refused(code.to_owned()),
        Some(code) => NotSent::Unavailable(code.to_owned()),
        None => NotSent::Unavailable(DisplayErrorContext(&error).to_string()),
    })
}

async fn by_smtp(
    server: &AsyncSmtpTransport<Tokio1Executor>,
    from: &Mailbox,
    to: &EmailAddress,
    mail: &Mail,
) -> Result<(), NotSent> {
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.0.clone()))
        .subject(&mail.subject)
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.clone())
        .map_err(|error| NotSent::Refused(error.to_string()))?;
    let sent = tokio::time::timeout(PATIENCE, server.send(message)).await;
    let Err(error) = sent.map_err(|_| NotSent::Unavailable("the mail server does not answer".to_owned()))? else {
        return Ok(());
    };
    // What a server says may repeat the address.
    Err(match error.status() {
        Some(code) if error.is_permanent() => NotSent::Refused(format!("the mail server answers {code}")),
        Some(code) => NotSent::Unavailable(format!("the mail server answers {code}")),
        None => NotSent::Unavailable("the mail server cannot be spoken to".to_owned()),
    })
}

/// One line of at most `max` characters, without what would change how others are read.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let mut line: String = text.chars().map(|c| if is_treacherous(c) { ' ' } else { c }).take(max + 1).collect();
    if line.chars().count() > max {
        line.pop();
        line.pop();
        line.push('…');
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Control characters, which end lines and headers, and invisible ones that turn the direction of writing or hide letters.
pub(crate) fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_checked() {
        for good in ["ann@example.com", " a+b@mail.example.co.uk ", "o'hara@xn--bcher-kva.example"] {
            assert!(EmailAddress::try_from(good.to_owned()).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(300));
        for bad in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "ann@localhost",
            "ann@example.com, bob@example.com",
            "Ann <ann@example.com>",
            "ann@example.com\r\nBcc: bob@example.com",
            "\"ann b\"@example.com",
            "ännchen@example.com",
            "ann@[127.0.0.1]",
            &long,
        ] {
            assert!(EmailAddress::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_subject_breaks_out_of_its_line(subject in any::<String>(), text in any::<String>()) {
            let mail = Mail::new(&subject, &text);
            prop_assert!(mail.subject().chars().count() <= MAX_SUBJECT);
            prop_assert!(!mail.subject().contains(|c: char| c.is_control()));
            prop_assert!(mail.text().chars().count() <= MAX_TEXT);
            prop_assert!(!mail.text().contains(|c: char| c.is_control() && c != '\n'));
        }

        #[test]
        fn an_address_is_one_or_none(text in any::<String>()) {
            if let Ok(address) = EmailAddress::try_from(text) {
                prop_assert!(!address.to_string().contains(|c: char| c.is_whitespace() || c.is_control() || c == ','));
            }
        }
    }

    #[test]
    fn a_message_is_plain_text_whatever_is_in_it() {
        let mail = Mail::new("Hi\r\nBcc: eve@example.com", "<b>é</b>\r\n.\r\nRCPT TO:<eve@example.com>");
        let message = Message::builder()
            .from("bot@example.com".parse().unwrap())
            .to("ann@example.com".parse().unwrap())
            .subject(mail.subject())
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text().to_owned())
            .unwrap();
        let sent = String::from_utf8(message.formatted()).unwrap();
        let (headers, _) = sent.split_once("\r\n\r\n").unwrap();
        assert!(headers.contains("Subject: Hi Bcc: eve@example.com\r\n"), "{headers}");
        assert!(headers.contains("Auto-Submitted: auto-generated") && headers.contains("text/plain"), "{headers}");
        assert!(!headers.contains("\r\nBcc"), "{headers}");
    }
}

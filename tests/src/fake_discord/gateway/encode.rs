//! Frames on the wire: plain text, or one zstd stream for the whole connection. [Discord Docs/Gateway: zstd-stream]

use axum::extract::ws::{Message, Utf8Bytes};
use zstd::stream::raw::{Encoder, InBuffer, Operation, OutBuffer};

/// The quickest level that still compresses: what matters here is that the sender is not what a bench measures.
const LEVEL: i32 = 1;

/// Room for one round of the compressor; longer frames take several.
const ROUND: usize = 16 * 1024;

/// What turns frames into WebSocket messages.
pub(crate) enum Encoding {
    Plain,
    Zstd(Box<Encoder<'static>>),
}

impl Encoding {
    pub(crate) fn new(zstd: bool) -> Self {
        if !zstd {
            return Self::Plain;
        }
        Self::Zstd(Box::new(Encoder::new(LEVEL).expect("a fresh context takes this level")))
    }

    /// One frame as one message. With zstd the stream is flushed after it, but never ended.
    pub(crate) fn message(&mut self, frame: Utf8Bytes) -> Message {
        match self {
            Self::Plain => Message::Text(frame),
            Self::Zstd(encoder) => Message::Binary(compress(encoder, frame.as_bytes()).into()),
        }
    }
}

fn compress(encoder: &mut Encoder<'static>, frame: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::with_capacity(frame.len() / 4 + 64);
    let mut input = InBuffer::around(frame);
    loop {
        compressed.reserve(ROUND.min(frame.len() + 64));
        let written = compressed.len();
        let mut output = OutBuffer::around_pos(&mut compressed, written);
        if input.pos() < frame.len() {
            encoder.run(&mut input, &mut output).expect("compressing into memory works");
        } else if encoder.flush(&mut output).expect("compressing into memory works") == 0 {
            return compressed;
        }
    }
}

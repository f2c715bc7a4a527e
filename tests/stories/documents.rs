//! Files as a team has them, made on the spot, and the doors through which a team adds and finds them.

use std::io::{Cursor, Write as _};
use std::process::Output;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
pub(super) use tests::documents::{pdf, pdf_of};
use tests::process;
use tests::server::{self, eventually};
use tests::world::World;

/// Reading what was made to be read slowly, on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// Adds something; its id.
pub(super) async fn add(world: &World, what: Value) -> String {
    let (status, source) = world.api(Method::POST, "/knowledge/sources", Some(what)).await;
    assert_eq!(status, 201, "{source}");
    id_of(&source)
}

/// Adds a file as a form does; its id.
pub(super) async fn upload(world: &World, name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let read = |file: &str| std::fs::read_to_string(world.data().join(file)).expect("serving writes it");
    let form = Form::new().text("name", name.to_owned()).part("file", Part::bytes(bytes.into()).file_name("file"));
    let address = format!("{}/api/v1/knowledge/sources/files", read("address"));
    let request = server::client().post(address).bearer_auth(read("local-token")).multipart(form);
    let answer = request.send().await.expect("the API can be reached");
    assert_eq!(answer.status(), 201);
    id_of(&answer.json().await.expect("a source"))
}

fn id_of(source: &Value) -> String {
    source["id"].as_str().expect("a source has an id").to_owned()
}

/// Reads a source again.
pub(super) async fn refresh(world: &World, id: &str) {
    let (status, source) = world.api(Method::POST, &format!("/knowledge/sources/{id}/refresh"), None).await;
    assert_eq!(status, 202, "{source}");
}

/// The source as it is now.
pub(super) async fn source(world: &World, id: &str) -> Value {
    world.api(Method::GET, &format!("/knowledge/sources/{id}"), None).await.1
}

/// The source once nothing more happens to it by itself.
pub(super) async fn ended(world: &World, id: &str) -> Value {
    eventually(PATIENCE, async || {
        let source = source(world, id).await;
        matches!(source["status"]["state"].as_str(), Some("ready" | "failed")).then_some(source)
    })
    .await
}

/// The source once it answers questions.
pub(super) async fn ready(world: &World, id: &str) -> Value {
    let source = ended(world, id).await;
    assert_eq!(source["status"]["state"], "ready", "{source}");
    source
}

/// Why a source failed, once it has.
pub(super) async fn reason(world: &World, id: &str) -> String {
    let source = ended(world, id).await;
    assert_eq!(source["status"]["state"], "failed", "{source}");
    source["status"]["reason"].as_str().expect("a failure has a reason").to_owned()
}

/// The texts that a question finds, best first.
pub(super) async fn found(world: &World, question: &str) -> Vec<String> {
    let query: String = question.split(' ').collect::<Vec<_>>().join("%20");
    let (status, found) = world.api(Method::GET, &format!("/knowledge/search?q={query}"), None).await;
    assert_eq!(status, 200, "{found}");
    let texts = found["items"].as_array().expect("a list").iter().map(|hit| hit["text"].as_str().unwrap_or_default());
    texts.map(str::to_owned).collect()
}

/// A question finds this.
#[track_caller]
pub(super) fn finds(found: &[String], text: &str) {
    assert!(found.iter().any(|hit| hit.contains(text)), "no {text:?} in {found:#?}");
}

/// A page to add.
pub(super) fn page(url: &str) -> Value {
    json!({"kind": "page", "url": url})
}

/// Runs `guildhall` on a data folder, as a script does: no terminal.
pub(super) async fn guildhall(data: &std::path::Path, arguments: &[&str]) -> Output {
    tokio::process::Command::new(process::binary("guildhall"))
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("GUILDHALL_DATA", data)
        .env("GUILDHALL_CRAWL_LOOPBACK", "true")
        .kill_on_drop(true)
        .output()
        .await
        .expect("the binary runs")
}

/// What a command printed.
pub(super) fn printed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A PDF whose table of contents contains itself: whoever follows it overflows the stack.
pub(super) fn pdf_without_a_bottom() -> Vec<u8> {
    let outline = "<</Type/Outlines/First 6 0 R/Last 6 0 R/Count 1>>";
    let entry = "<</Title(Chapter)/Parent 5 0 R/First 6 0 R/Next 6 0 R/Dest[3 0 R/Fit]>>";
    pdf_of(b"BT /F 12 Tf 50 700 Td (A chapter) Tj ET", "", "/Outlines 5 0 R", &[outline, entry])
}

/// A PDF of some hundred kilobytes whose one page takes gigabytes in the memory of whoever draws it.
pub(super) fn pdf_that_takes_memory() -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&b"q ".repeat(30_000_000)).expect("memory takes writes");
    pdf_of(&packed.finish().expect("memory takes writes"), "/Filter/FlateDecode", "", &[])
}

/// A PDF with one line of text, encrypted (RC4, 128 bits) with a user's password. In base64.
const LOCKED_PDF: &str = "\
    JVBERi0xLjQKJb/3ov4KMSAwIG9iago8PCAvUGFnZXMgMiAwIFIgL1R5cGUgL0NhdGFsb2cgPj4KZW5kb2JqCjIgMCBvYmoK\
    PDwgL0NvdW50IDEgL0tpZHMgWyAzIDAgUiBdIC9UeXBlIC9QYWdlcyA+PgplbmRvYmoKMyAwIG9iago8PCAvQ29udGVudHMg\
    NCAwIFIgL01lZGlhQm94IDUgMCBSIC9QYXJlbnQgMiAwIFIgL1Jlc291cmNlcyA8PCAvRm9udCA8PCAvRiA8PCAvQmFzZUZv\
    bnQgL0hlbHZldGljYSAvRW5jb2RpbmcgL1dpbkFuc2lFbmNvZGluZyAvU3VidHlwZSAvVHlwZTEgL1R5cGUgL0ZvbnQgPj4g\
    Pj4gPj4gL1R5cGUgL1BhZ2UgPj4KZW5kb2JqCjQgMCBvYmoKPDwgL0xlbmd0aCA0MSA+PgpzdHJlYW0KuRudS3Drz6t8pC1N\
    1CoVmrEBU86SAD20BPmnHkxx33Fd5zTc3Rja/J4KZW5kc3RyZWFtCmVuZG9iago1IDAgb2JqClsgMCAwIDYwMCA4MDAgXQpl\
    bmRvYmoKNiAwIG9iago8PCAvRmlsdGVyIC9TdGFuZGFyZCAvTGVuZ3RoIDEyOCAvTyA8M2UyMWMzOWI0NTQ3MzM0OWY2MTVh\
    YmM2Y2NhYWFiOGY3OTE3YzY5YzFlYmExZmFlYmRiMjQxYTQyZWMwZTE2Mj4gL1AgLTEwMjggL1IgMyAvVSA8YTAxMThmNjQ1\
    YmQzZDMwOThjODEyNWVhMTcyOGM2OWYwMDIxNDQ2OTkwYjllNDExNDA3MWE0ZDkxMDQ5ODRjMT4gL1YgMiA+PgplbmRvYmoK\
    eHJlZgowIDcKMDAwMDAwMDAwMCA2NTUzNSBmIAowMDAwMDAwMDE1IDAwMDAwIG4gCjAwMDAwMDAwNjQgMDAwMDAgbiAKMDAw\
    MDAwMDEyMyAwMDAwMCBuIAowMDAwMDAwMzE2IDAwMDAwIG4gCjAwMDAwMDA0MDcgMDAwMDAgbiAKMDAwMDAwMDQzOCAwMDAw\
    MCBuIAp0cmFpbGVyIDw8IC9Sb290IDEgMCBSIC9TaXplIDcgL0lEIFs8NGVhOTY0ODVhYTk5ZTU0ZDY4N2U1M2VjMGRmZGIz\
    ODY+PDRlYTk2NDg1YWE5OWU1NGQ2ODdlNTNlYzBkZmRiMzg2Pl0gL0VuY3J5cHQgNiAwIFIgPj4Kc3RhcnR4cmVmCjY0OAol\
    JUVPRgo=\
";

/// A PDF that nobody can read without its password.
pub(super) fn locked_pdf() -> Vec<u8> {
    BASE64.decode(LOCKED_PDF).expect("it was encoded once")
}

/// A zip archive of these parts.
pub(super) fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("memory takes writes");
        archive.write_all(bytes).expect("memory takes writes");
    }
    archive.finish().expect("memory takes writes").into_inner()
}

/// A Word file with this body.
pub(super) fn docx_of(body: &str) -> Vec<u8> {
    let types = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    let relations = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;
    let document = format!(
        r#"<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>"#
    );
    archive(&[
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", relations.as_bytes()),
        ("word/document.xml", document.as_bytes()),
    ])
}

/// A Word file with a line of text.
pub(super) fn docx(text: &str) -> Vec<u8> {
    docx_of(&format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"))
}

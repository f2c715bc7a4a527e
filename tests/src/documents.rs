//! Files as people upload them.

use std::io::Write as _;

/// A PDF with one page that draws `content`, with further entries of its stream and its catalog, and with further
/// objects, of which the first is number 5.
pub fn pdf_of(content: &[u8], stream: &str, catalog: &str, more: &[&str]) -> Vec<u8> {
    let font = "<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>";
    let page = format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font{font}>>>>");
    let mut drawn = format!("<<{stream}/Length {}>>stream\n", content.len()).into_bytes();
    drawn.extend_from_slice(content);
    drawn.extend_from_slice(b"\nendstream");
    let mut objects = vec![
        format!("<</Type/Catalog/Pages 2 0 R{catalog}>>").into_bytes(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 600 800]>>".to_vec(),
        page.into_bytes(),
        drawn,
    ];
    objects.extend(more.iter().map(|object| object.as_bytes().to_vec()));
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        writeln!(file, "{} 0 obj", index + 1).expect("memory takes writes");
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let table = file.len();
    let size = offsets.len() + 1;
    writeln!(file, "xref\n0 {size}\n0000000000 65535 f ").expect("memory takes writes");
    for offset in offsets {
        writeln!(file, "{offset:010} 00000 n ").expect("memory takes writes");
    }
    write!(file, "trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF").expect("memory takes writes");
    file
}

/// A PDF with a line of text.
pub fn pdf(text: &str) -> Vec<u8> {
    pdf_of(format!("BT /F 12 Tf 50 700 Td ({text}) Tj ET").as_bytes(), "", "", &[])
}

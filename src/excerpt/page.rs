//! What a page is about.

/// The title of a page of HTML, and the first sentence of its text; of any other text, the first
/// sentence.
pub(super) fn heading(text: &str) -> String {
    if !is_html(text) {
        return first_sentence(text).to_owned();
    }
    let (title, rest) = take_element(text, "title");
    let body =
        ["head", "script", "style"].iter().fold(rest, |body, name| take_element(&body, name).1);
    let body = without_tags(&body);
    let (title, sentence) = (title.trim(), first_sentence(&body));
    match (title, sentence) {
        ("", sentence) => sentence.to_owned(),
        (title, "") => title.to_owned(),
        (title, sentence) if title == sentence => title.to_owned(),
        (title, sentence) => format!("{title}: {sentence}"),
    }
}

fn is_html(text: &str) -> bool {
    text.split('<')
        .skip(1)
        .any(|tag| tag.starts_with(|c: char| c.is_ascii_alphabetic() || "!/?".contains(c)))
}

/// The content of the first element of this name, and the text without all of them.
fn take_element(text: &str, name: &str) -> (String, String) {
    // ASCII lower-casing keeps byte positions.
    let lower = text.to_ascii_lowercase();
    let (open, close) = (format!("<{name}"), format!("</{name}"));
    let (mut content, mut rest) = (String::new(), String::new());
    let mut from = 0;
    while let Some(start) = lower[from..].find(&open).map(|at| from + at) {
        // `<header` is no `<head`.
        let is_it = lower[start + open.len()..].starts_with(|c: char| !c.is_ascii_alphanumeric());
        let Some(inner) = lower[start..].find('>').map(|at| start + at + 1).filter(|_| is_it)
        else {
            rest.push_str(&text[from..start + open.len()]);
            from = start + open.len();
            continue;
        };
        let end = lower[inner..].find(&close).map_or(text.len(), |at| inner + at);
        if content.is_empty() {
            content = without_tags(&text[inner..end]);
        }
        rest.push_str(&text[from..start]);
        from = lower[end..].find('>').map_or(text.len(), |at| end + at + 1);
    }
    rest.push_str(&text[from..]);
    (content, rest)
}

/// The text of a page: a tag ends a line, unless it is one of those within a sentence.
fn without_tags(html: &str) -> String {
    const WITHIN_SENTENCE: &[&str] =
        &["a", "b", "code", "em", "font", "i", "span", "strong", "u", "wbr"];
    let mut text = String::with_capacity(html.len());
    let mut parts = html.split('<');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (tag, behind) = part.split_once('>').unwrap_or((part, ""));
        let name = tag.trim_start_matches('/').split([' ', '/', '\t', '\n', '\r']).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        if !WITHIN_SENTENCE.contains(&name.as_str()) {
            text.push('\n');
        }
        text.push_str(behind);
    }
    text
}

/// The first line with a letter or a figure, up to the end of its first sentence.
fn first_sentence(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| line.contains(char::is_alphanumeric)).unwrap_or_default();
    let end = line.char_indices().find_map(|(at, c)| {
        let behind = &line[at + c.len_utf8()..];
        (matches!(c, '.' | '!' | '?') && behind.starts_with(char::is_whitespace))
            .then_some(at + c.len_utf8())
    });
    &line[..end.unwrap_or(line.len())]
}

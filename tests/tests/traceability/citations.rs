//! The citations, read from the comments of the sources.
//!
//! A citation is a line that names the section, perhaps lines that say what
//! kind it is, and the quoted sentence:
//!
//! ```text
//! //= docs/specification.md#d2-one-close-wins
//! //= type=test
//! //# - The provider MUST NOT let more than one close of a descriptor commit, however many
//! //# closes of it run concurrently.
//! ```
//!
//! Items of lists are quoted with their hyphen, as duvet wants it.

use std::fs;
use std::path::Path;

use closesocket_tests::sources::rust_files;

/// What a citation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The code below makes the sentence true.
    Implementation,
    /// The code below proves it.
    Test,
    /// The sentence does not apply, for a reason.
    Exception,
}

/// One citation.
#[derive(Clone, Debug)]
pub(crate) struct Citation {
    pub(crate) kind: Kind,
    /// The section of the specification.
    pub(crate) section: String,
    /// The sentence, on one line.
    pub(crate) quote: String,
    /// Why it is an exception.
    pub(crate) reason: String,
    /// The file, relative to the workspace.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The item that it stands at or in.
    pub(crate) item: String,
}

const SOURCES: [&str; 2] = ["crates", "tests"];
const TARGET: &str = "docs/specification.md#";

/// Every citation in the sources of the workspace, by file and line.
///
/// # Errors
/// Says which citation cannot be read.
pub(crate) fn citations(root: &Path) -> Result<Vec<Citation>, String> {
    let found = SOURCES.map(|directory| rust_files(&root.join(directory)));
    let mut files: Vec<_> = found
        .concat()
        .iter()
        .map(|file| file.strip_prefix(root).unwrap_or(file))
        .map(|file| file.to_string_lossy().replace('\\', "/"))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(root.join(&file)).map_err(|error| error.to_string())?;
        all.extend(citations_in(&file, &text)?);
    }
    Ok(all)
}

/// The citations of one file.
///
/// # Errors
/// Says which citation cannot be read.
pub(crate) fn citations_in(file: &str, text: &str) -> Result<Vec<Citation>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found: Vec<Citation> = Vec::new();
    // Whether the last line belongs to a citation that may go on.
    let mut open = false;
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        let wrong = |what: &str| Err(format!("{file}:{}: {what}", index + 1));
        if let Some(content) = line.strip_prefix("//#") {
            match found.last_mut() {
                Some(citation) if open => {
                    let content = content.trim();
                    if citation.quote.is_empty() {
                        let item = content.strip_prefix("- ");
                        item.unwrap_or(content).clone_into(&mut citation.quote);
                    } else {
                        citation.quote.push(' ');
                        citation.quote.push_str(content);
                    }
                }
                _ => return wrong("a quote without its section"),
            }
        } else if let Some(meta) = line.strip_prefix("//=") {
            let meta = meta.trim();
            match (meta.split_once('='), found.last_mut()) {
                (Some(("type", kind)), Some(citation)) if open => {
                    citation.kind = match kind {
                        "implementation" => Kind::Implementation,
                        "test" => Kind::Test,
                        "exception" => Kind::Exception,
                        _ => return wrong("an unknown type"),
                    };
                }
                (Some(("reason", reason)), Some(citation)) if open => {
                    reason.clone_into(&mut citation.reason);
                }
                _ => match meta.strip_prefix(TARGET) {
                    Some(section) => found.push(Citation {
                        kind: default_kind(file),
                        section: section.to_owned(),
                        quote: String::new(),
                        reason: String::new(),
                        file: file.to_owned(),
                        line: index + 1,
                        item: item(&lines, index),
                    }),
                    None => return wrong("not a section of the specification"),
                },
            }
            open = true;
        } else {
            open = false;
        }
    }
    Ok(found)
}

/// What a citation is that does not say so, as in `.duvet/config.toml`.
fn default_kind(file: &str) -> Kind {
    let suite = "crates/closesocket-conformance/";
    if file.starts_with("tests/") || file.starts_with(suite) || file.contains("/tests/") {
        Kind::Test
    } else {
        Kind::Implementation
    }
}

/// The item that the line stands at, or else in.
fn item(lines: &[&str], line: usize) -> String {
    let is_code = |it: &&str| {
        let it = it.trim();
        !(it.is_empty() || it.starts_with("//") || it.starts_with('#'))
    };
    let Some(code) = lines[line..].iter().copied().find(is_code) else {
        return String::new();
    };
    if let Some(name) = item_name(code) {
        return name.to_owned();
    }
    let mut depth = indent(code);
    // The last line of a signature stands where its first does.
    let opens = |it: &&&str| is_code(it) && !it.trim_start().starts_with([')', '}']);
    for above in lines[..line].iter().rev().filter(opens) {
        if indent(above) < depth {
            if let Some(name) = item_name(above) {
                return name.to_owned();
            }
            depth = indent(above);
        }
    }
    String::new()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The name of the item that begins in this line.
fn item_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let declares = match word {
            "fn" | "struct" | "enum" | "trait" | "static" => true,
            "const" => words.peek() != Some(&"fn"),
            "async" | "unsafe" => false,
            _ if word.starts_with("pub") => false,
            _ => return None,
        };
        if declares {
            let name = words.next()?;
            let end = name.find(|it: char| !it.is_alphanumeric() && it != '_');
            return Some(&name[..end.unwrap_or(name.len())]);
        }
    }
    None
}

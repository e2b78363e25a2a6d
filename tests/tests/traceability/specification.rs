//! The requirements, read from the specification.

/// One sentence that requires something, or allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// The chapter it stands in.
    pub(crate) chapter: String,
    /// The id of its clause.
    pub(crate) clause: String,
    /// The heading of its clause, with the id.
    pub(crate) heading: String,
    /// What a citation calls the section of the clause.
    pub(crate) section: String,
    /// The sentence, on one line.
    pub(crate) sentence: String,
}

impl Requirement {
    /// Whether it says MUST.
    pub(crate) fn is_a_must(&self) -> bool {
        says(&self.sentence, &["MUST"])
    }
}

/// How many lines of the text say MUST.
pub(crate) fn musts(text: &str) -> usize {
    text.lines().filter(|line| says(line, &["MUST"])).count()
}

/// Every requirement of the specification, in its order: the sentences below the
/// headings of clauses that say MUST, SHOULD or MAY.
pub(crate) fn requirements(specification: &str) -> Vec<Requirement> {
    let mut found = Vec::new();
    let blocks = blocks(specification);
    let (mut chapter, mut heading) = ("", "");
    for block in &blocks {
        if let Some(title) = block.strip_prefix("### ") {
            heading = title;
        } else if let Some(title) = block.strip_prefix("## ") {
            (chapter, heading) = (title, "");
        } else if !heading.is_empty() {
            let sentences = block.split_inclusive(". ").map(str::trim);
            let sentences = sentences.filter(|it| says(it, &["MUST", "SHOULD", "MAY"]));
            found.extend(sentences.map(|sentence| Requirement {
                chapter: chapter.to_owned(),
                clause: heading.split(' ').next().unwrap_or_default().to_owned(),
                heading: heading.to_owned(),
                section: section(heading),
                sentence: sentence.to_owned(),
            }));
        }
    }
    found
}

/// The headings, paragraphs and items of lists, each on one line, in the order
/// of the document.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let item = line.strip_prefix("- ");
        match blocks.last_mut() {
            Some(block) if open && item.is_none() && !line.is_empty() => {
                block.push(' ');
                block.push_str(line.trim());
            }
            _ if !line.is_empty() => blocks.push(item.unwrap_or(line).to_owned()),
            _ => {}
        }
        open = !line.is_empty() && !line.starts_with('#');
    }
    blocks
}

/// Whether one of the words is a word of the text.
fn says(text: &str, any: &[&str]) -> bool {
    let mut words = text.split(|it: char| !it.is_alphanumeric());
    words.any(|word| any.contains(&word))
}

/// How a citation names the section of a heading: lower case, words joined by
/// hyphens.
fn section(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let words = lower.split(|it: char| !it.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

/// The anchor of a heading as Markdown viewers make it.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = |it: &char| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_');
    let kept: String = heading.to_lowercase().chars().filter(kept).collect();
    kept.replace(' ', "-")
}

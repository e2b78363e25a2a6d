//! What every page has around it, and the pages that say that there is none.

use closesocket_models::lanes::escape;

use crate::check::Job;
use crate::report::{STYLE, prose};

/// Keys, colours, and news of searches.
pub(in crate::explore) const SCRIPT: &str = include_str!("explore.js");

/// The style of the report's page, and what is only here.
pub(in crate::explore) fn style() -> String {
    format!("{STYLE}{}", include_str!("explore.css"))
}

/// A whole page. `home` leads to the start page from there.
pub(super) fn frame(home: &str, title: &str, body: &str) -> String {
    let (home, title) = (escape(home), escape(title));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <link rel=\"stylesheet\" href=\"{home}style.css\">\n<script src=\"{home}explore.js\"></script>\n\
         </head>\n<body class=\"explore\">\n<nav class=\"top\">\
         <a href=\"{home}\" data-keys=\"h\">All scenarios and defects</a>\
         <button id=\"colours\" type=\"button\" data-keys=\"d\">light or dark <kbd>d</kbd></button></nav>\n\
         {body}</body>\n</html>\n"
    )
}

/// The path of a page from the root.
pub(in crate::explore) fn path(job: &Job) -> String {
    match job.defect {
        None => format!("scenario/{}", job.scenario.name),
        Some(defect) => format!("defect/{}", defect.name),
    }
}

/// Why there is no page at a path.
pub(in crate::explore) fn refusal(path: &str, status: &str, sentence: &str) -> String {
    let depth = path.trim_start_matches('/').matches('/').count();
    let home = if depth == 0 {
        "./".to_owned()
    } else {
        "../".repeat(depth)
    };
    let body = format!("<h1>{}</h1>\n<p>{}</p>\n", escape(status), prose(sentence));
    frame(&home, status, &body)
}

/// The step of a link that the model does not have; `back` leads to where it still
/// has all.
pub(in crate::explore) fn no_such_step(job: &Job, sentence: &str, back: &str) -> String {
    let name = job.name();
    let body = format!(
        "<h1><code>{}</code>: no such step</h1>\n<p>{}.</p>\n\
         <p><a href=\"{}\">Go there</a>, or <a href=\"?\">to where this page opens</a>.</p>\n",
        escape(name),
        prose(sentence),
        escape(back)
    );
    frame("../", &format!("no such step: {name}"), &body)
}

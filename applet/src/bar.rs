//! For status bars that run a command: a line for each view.

use serde_json::json;

use crate::args::Format;
use crate::markup;
use crate::view::View;

impl Format {
    /// The line for a view.
    #[must_use]
    pub fn line(self, view: &View) -> String {
        match self {
            Self::Plain => view.title.clone(),
            // waybar-custom(5): text and tooltip are Pango markup, alt picks an icon, class a style.
            Self::Waybar => json!({
                "text": markup::escape(&view.mode),
                "alt": view.icon.name(),
                "tooltip": markup::escape(&tooltip(view)),
                "class": view.icon.state.name(),
            })
            .to_string(),
        }
    }
}

fn tooltip(view: &View) -> String {
    std::iter::once(&view.title).chain(&view.facts).cloned().collect::<Vec<_>>().join("\n")
}

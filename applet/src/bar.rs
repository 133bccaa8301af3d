//! For status bars that run a command: a line for each view.

use serde_json::json;

use crate::markup;
use crate::view::View;

/// What the lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// JSON, as waybar's custom modules read it
    Waybar,
    /// Only text
    Plain,
}

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

//! Text for places that understand markup: tooltips and notifications.

/// Takes the meaning from what markup gives one: names come from programs, cards and hosts.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

//! The quoting rules as askama's filters: `{{ v.product|shell }}`.

use askama::{Result, Values, filter_fn};

use crate::quote;

#[filter_fn]
pub(crate) fn inf(text: &str, _: &dyn Values) -> Result<String> {
    Ok(quote::inf::inf(text))
}

#[filter_fn]
pub(crate) fn keyfile(text: &str, _: &dyn Values) -> Result<String> {
    Ok(quote::keyfile::keyfile(text))
}

#[filter_fn]
pub(crate) fn line(text: &str, _: &dyn Values) -> Result<String> {
    Ok(quote::line::line(text))
}

#[filter_fn]
pub(crate) fn markdown(text: &str, _: &dyn Values) -> Result<String> {
    Ok(quote::markdown::markdown(text))
}

#[filter_fn]
pub(crate) fn powershell(text: &str, _: &dyn Values) -> Result<String> {
    Ok(quote::powershell::powershell(text))
}

#[filter_fn]
pub(crate) fn shell<T: AsRef<str>>(text: T, _: &dyn Values) -> Result<String> {
    Ok(quote::shell::shell(text.as_ref()))
}

#[filter_fn]
pub(crate) fn xml(text: &str, _: &dyn Values) -> Result<String> {
    Ok(quote::xml::xml(text))
}

//! What the blocks of a page show: the lines of those that are run, without comments.

use super::facts::TextSubject;
use crate::toolchain::prose::page::{PageBlock, ProsePage};
use crate::toolchain::shared::comments::without_comments;

/// The lines of a page's blocks that are run, with their numbers.
pub fn lines(subject: &TextSubject<'_>, page: &ProsePage<'_>) -> Vec<(u32, String)> {
    page.fences.iter().flat_map(|fence| of_block(subject, fence)).collect()
}

/// The same of one block; none if it is not run.
pub fn of_block(subject: &TextSubject<'_>, fence: &PageBlock) -> Vec<(u32, String)> {
    if !subject.facts.run.contains(&fence.language.as_str()) {
        return Vec::new();
    }
    let code = without_comments(&fence.language, &fence.code);
    (fence.line..).zip(code.lines().map(str::to_owned)).collect()
}

//! Administration of a real PostgreSQL, as the local Azure's Microsoft Entra administrator.
mod concurrency;
mod dropping;
mod grants;
mod hostile;
mod locking;
mod principals;
mod quoting;
mod refusals;
mod revoking;
mod story;
mod support;

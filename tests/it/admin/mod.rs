//! Administration of a real PostgreSQL, as the local Azure's Microsoft Entra administrator.
mod concurrency;
mod grants;
mod hostile;
mod principals;
mod quoting;
mod refusals;
mod revoking;
mod story;
mod support;

/// The client types of Service Connector: each gets its variables in another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientType {
    /// `dotnet`: an ADO.NET connection string.
    DotNet,
    /// `java`: a JDBC URL.
    Java,
    /// `springBoot`: properties with dots in their names, which some shells (dash) don't hand on to the programs that
    /// they start.
    SpringBoot,
    /// `python`: a keyword string.
    Python,
    /// `django`: one variable a field, without a port.
    Django,
    /// `go`: a keyword string, without a port.
    Go,
    /// `nodejs`: one variable a field.
    NodeJs,
    /// `php`: a keyword string.
    Php,
    /// `ruby`: a keyword string.
    Ruby,
    /// `none`, shown as "Other" in the portal: one variable a field.
    Other,
}

impl ClientType {
    /// Every client type.
    pub const ALL: &'static [Self] = &[
        Self::DotNet,
        Self::Java,
        Self::SpringBoot,
        Self::Python,
        Self::Django,
        Self::Go,
        Self::NodeJs,
        Self::Php,
        Self::Ruby,
        Self::Other,
    ];

    /// The name that `az webapp connection create --client-type` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::DotNet => "dotnet",
            Self::Java => "java",
            Self::SpringBoot => "springBoot",
            Self::Python => "python",
            Self::Django => "django",
            Self::Go => "go",
            Self::NodeJs => "nodejs",
            Self::Php => "php",
            Self::Ruby => "ruby",
            Self::Other => "none",
        }
    }

    /// Whether the variables of this client type name the port.
    pub(crate) fn names_port(self) -> bool {
        !matches!(self, Self::Django | Self::Go)
    }
}

-- The functions of Azure's extension pgaadauth, for the database `postgres`
-- (https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users).
-- Whom a role belongs to is a security label, which DROP ROLE removes and which follows a renamed role.

-- The administrators are its members, as in Azure.
CREATE ROLE azure_pg_admin NOLOGIN IN ROLE pg_signal_backend;

CREATE SCHEMA local_azure;

-- The names that Microsoft Entra ID would find in the tenant.
CREATE TABLE local_azure.tenant (
    name text PRIMARY KEY,
    object_id text NOT NULL,
    type text NOT NULL
);

-- Sets the label of a role; without one, removes it. The statement SECURITY LABEL can't do this here:
-- it needs a provider that is loaded into the server.
CREATE FUNCTION local_azure.set_label(role text, label text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    id oid := to_regrole(quote_ident(role));
BEGIN
    IF id IS NULL THEN
        RAISE undefined_object USING MESSAGE = format('role "%s" does not exist', role);
    END IF;
    DELETE FROM pg_shseclabel WHERE objoid = id AND provider = 'pgaadauth';
    IF label IS NOT NULL THEN
        INSERT INTO pg_shseclabel VALUES (id, 'pg_authid'::regclass, 'pgaadauth', label);
    END IF;
END $$;

CREATE FUNCTION local_azure.create_role(
    role text, object_id text, type text, is_admin boolean, is_mfa boolean
) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    -- Not the group for its own members, since membership may not go round in a circle.
    manager text := CASE WHEN is_admin THEN session_user ELSE 'azure_pg_admin' END;
    attributes text := CASE WHEN is_admin THEN ' CREATEDB CREATEROLE IN ROLE azure_pg_admin' ELSE '' END;
BEGIN
    EXECUTE format('CREATE ROLE %I LOGIN', role) || attributes;
    -- Since version 16 a role that was not created by an administrator can't be dropped by one.
    IF current_setting('server_version_num')::int >= 160000 THEN
        EXECUTE format(
            'GRANT %I TO %I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', role, manager);
    END IF;
    PERFORM local_azure.set_label(role, concat(
        'aadauth,oid=', object_id, ',type=', type,
        CASE WHEN is_admin THEN ',admin' END, CASE WHEN is_mfa THEN ',mfa' END));
    RETURN format('Created role for "%s"', role);
END $$;

-- The caller, whoever's rights the function runs with, must be an Entra administrator.
CREATE FUNCTION local_azure.check_administrator() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_shseclabel
        WHERE objoid = quote_ident(session_user)::regrole AND provider = 'pgaadauth'
            AND ',' || label || ',' LIKE '%,admin,%'
    ) THEN
        RAISE insufficient_privilege USING
            MESSAGE = 'only a Microsoft Entra administrator may manage Microsoft Entra principals';
    END IF;
END $$;

CREATE FUNCTION pg_catalog.pgaadauth_create_principal(
    rolename text, isadmin boolean, ismfa boolean
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    principal local_azure.tenant;
BEGIN
    PERFORM local_azure.check_administrator();
    SELECT * INTO principal FROM local_azure.tenant WHERE name = rolename;
    IF NOT FOUND THEN
        RAISE EXCEPTION
            'Could not validate AAD user % because its name is not found in the tenant.', rolename;
    END IF;
    RETURN local_azure.create_role(
        rolename, principal.object_id, principal.type, isadmin, ismfa);
END $$;

CREATE FUNCTION pg_catalog.pgaadauth_create_principal_with_oid(
    rolename text, objectid text, objecttype text, isadmin boolean, ismfa boolean
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM local_azure.check_administrator();
    IF objecttype NOT IN ('user', 'group', 'service') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the type of a principal is user, group or service';
    END IF;
    RETURN local_azure.create_role(rolename, objectid::uuid::text, objecttype, isadmin, ismfa);
END $$;

-- With true the administrators alone, with false everyone.
CREATE FUNCTION pg_catalog.pgaadauth_list_principals(isadminvalue boolean)
RETURNS TABLE (
    rolename name, principaltype text, objectid text, tenantid text, ismfa int, isadmin int
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM local_azure.check_administrator();
    RETURN QUERY
        SELECT r.rolname, substring(l.label FROM 'type=([^,]+)'), substring(l.label FROM 'oid=([^,]+)'),
            '{tenant}'::text, (parts && '{mfa}')::int, (parts && '{admin}')::int
        FROM pg_shseclabel l
        JOIN pg_roles r ON r.oid = l.objoid
        CROSS JOIN string_to_array(l.label, ',') parts
        WHERE l.provider = 'pgaadauth' AND (NOT isadminvalue OR parts && '{admin}')
        ORDER BY r.rolname;
END $$;

REVOKE EXECUTE ON FUNCTION
    pg_catalog.pgaadauth_create_principal, pg_catalog.pgaadauth_create_principal_with_oid,
    pg_catalog.pgaadauth_list_principals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    pg_catalog.pgaadauth_create_principal, pg_catalog.pgaadauth_create_principal_with_oid,
    pg_catalog.pgaadauth_list_principals TO azure_pg_admin;

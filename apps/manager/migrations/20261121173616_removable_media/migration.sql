CREATE TABLE "browser_media" (
	"id" uuid PRIMARY KEY,
	"vm_id" bigint NOT NULL,
	"host_id" bigint NOT NULL,
	"user_id" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"ticket_hash" text NOT NULL,
	"ticket_expires_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "isos" (
	"id" bigint PRIMARY KEY,
	"datastore_id" bigint NOT NULL,
	"name" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"received_bytes" bigint NOT NULL,
	"status" text NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"sha256" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "isos_name_unique" UNIQUE("datastore_id","name")
);
--> statement-breakpoint
ALTER TABLE "vms" ADD COLUMN "cdrom" jsonb;--> statement-breakpoint
CREATE INDEX "browser_media_vm" ON "browser_media" ("vm_id");--> statement-breakpoint
CREATE INDEX "browser_media_ticket" ON "browser_media" ("ticket_hash");--> statement-breakpoint
ALTER TABLE "browser_media" ADD CONSTRAINT "browser_media_vm_id_vms_id_fkey" FOREIGN KEY ("vm_id") REFERENCES "vms"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "browser_media" ADD CONSTRAINT "browser_media_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "isos" ADD CONSTRAINT "isos_datastore_id_datastores_id_fkey" FOREIGN KEY ("datastore_id") REFERENCES "datastores"("id") ON DELETE CASCADE;--> statement-breakpoint
-- Every VM is defined anew on its host, and has a CD drive after its next start.
UPDATE "vms" SET "generation" = "generation" + 1;
--> statement-breakpoint
-- As before, and with what lies in the CD drive.
CREATE OR REPLACE FUNCTION announce_vms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('vms', ARRAY(SELECT id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('vms', ARRAY(SELECT id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('vms', NULL);
	ELSE
		PERFORM announce_change('vms', ARRAY(
			SELECT id::text FROM (
				SELECT id, name, description, group_label, cluster_id, host_id, is_bound_to_host, is_template, state, state_reason, cpu, memory, properties, os, params, guest, cdrom FROM fresh
				EXCEPT SELECT id, name, description, group_label, cluster_id, host_id, is_bound_to_host, is_template, state, state_reason, cpu, memory, properties, os, params, guest, cdrom FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
-- Libraries have few files: which one it was says nothing that a look at the list does not.
CREATE FUNCTION announce_isos() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM announce_change('isos', NULL);
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_isos AFTER INSERT OR UPDATE OR DELETE ON "isos" FOR EACH STATEMENT EXECUTE FUNCTION announce_isos();

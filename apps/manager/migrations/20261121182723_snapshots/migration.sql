CREATE TABLE "snapshot_disks" (
	"snapshot_id" bigint,
	"volume_id" bigint,
	"slot" integer NOT NULL,
	"file" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"allocated_bytes" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "snapshot_disks_pkey" PRIMARY KEY("snapshot_id","volume_id")
);
--> statement-breakpoint
CREATE TABLE "snapshots" (
	"id" bigint PRIMARY KEY,
	"uuid" uuid NOT NULL CONSTRAINT "snapshots_uuid_unique" UNIQUE,
	"vm_id" bigint NOT NULL,
	"parent_id" bigint,
	"is_current" boolean NOT NULL,
	"name" text NOT NULL,
	"description" text NOT NULL,
	"type" text NOT NULL,
	"status" text NOT NULL,
	"is_consistent" boolean NOT NULL,
	"memory_volume_id" bigint,
	"memory_bytes" bigint DEFAULT 0 NOT NULL,
	"creator" text NOT NULL,
	"shape" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "volume_overlays" (
	"volume_id" bigint,
	"file" text,
	"backing" text NOT NULL,
	CONSTRAINT "volume_overlays_pkey" PRIMARY KEY("volume_id","file")
);
--> statement-breakpoint
ALTER TABLE "vms" ADD COLUMN "is_link_clone" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "volumes" ADD COLUMN "active_file" text DEFAULT 'base' NOT NULL;--> statement-breakpoint
ALTER TABLE "volumes" ADD COLUMN "base_volume_id" bigint;--> statement-breakpoint
CREATE INDEX "snapshot_disks_volume" ON "snapshot_disks" ("volume_id");--> statement-breakpoint
CREATE INDEX "snapshots_vm" ON "snapshots" ("vm_id");--> statement-breakpoint
CREATE UNIQUE INDEX "snapshots_current_unique" ON "snapshots" ("vm_id") WHERE is_current;--> statement-breakpoint
CREATE INDEX "volumes_base" ON "volumes" ("base_volume_id");--> statement-breakpoint
ALTER TABLE "snapshot_disks" ADD CONSTRAINT "snapshot_disks_snapshot_id_snapshots_id_fkey" FOREIGN KEY ("snapshot_id") REFERENCES "snapshots"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "snapshot_disks" ADD CONSTRAINT "snapshot_disks_volume_id_volumes_id_fkey" FOREIGN KEY ("volume_id") REFERENCES "volumes"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "snapshots" ADD CONSTRAINT "snapshots_vm_id_vms_id_fkey" FOREIGN KEY ("vm_id") REFERENCES "vms"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "volume_overlays" ADD CONSTRAINT "volume_overlays_volume_id_volumes_id_fkey" FOREIGN KEY ("volume_id") REFERENCES "volumes"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "volumes" ADD CONSTRAINT "volumes_base_volume_id_volumes_id_fkey" FOREIGN KEY ("base_volume_id") REFERENCES "volumes"("id");--> statement-breakpoint
-- A VM's page shows its snapshots: they are told of as changes of the VM.
CREATE FUNCTION announce_snapshots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('vms', ARRAY(SELECT DISTINCT vm_id::text FROM fresh LIMIT 101));
	ELSE
		PERFORM announce_change('vms', ARRAY(SELECT DISTINCT vm_id::text FROM gone LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_snapshots_insert AFTER INSERT ON "snapshots" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_snapshots();
--> statement-breakpoint
CREATE TRIGGER announce_snapshots_update AFTER UPDATE ON "snapshots" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_snapshots();
--> statement-breakpoint
CREATE TRIGGER announce_snapshots_delete AFTER DELETE ON "snapshots" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_snapshots();

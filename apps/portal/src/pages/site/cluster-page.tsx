export function ClusterPage() {
  return <h1>ClusterPage</h1>;
}

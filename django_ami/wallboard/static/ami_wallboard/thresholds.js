/** From when on a wait is long: of a queue, or of all of them. */

/** The limits of a queue: its own ones, else those of all. */
export function limitsOf(thresholds, queue) {
  const own = thresholds.queues?.[queue] ?? {};
  return {
    warning: own.wait_warning_seconds ?? thresholds.wait_warning_seconds,
    critical: own.wait_critical_seconds ?? thresholds.wait_critical_seconds,
    service: own.service_level_target ?? thresholds.service_level_target,
  };
}

/** `ok`, `warning` or `critical`. */
export function level(wait, { warning, critical }) {
  if (wait === undefined || wait < warning) return "ok";
  return wait < critical ? "warning" : "critical";
}

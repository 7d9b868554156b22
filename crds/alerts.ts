// The names of the alerts on a Collector: what `spec.monitoring.alerts` may disable or change.
//
// Always: only added to, since a stored Collector may name any of them. What each says: operator/monitoring/rules.ts, and
// a page in docs/runbooks.
export const ALERTS = [
  'MarketPrismSystemDown',
  'MarketPrismAllExchangesDisconnected',
  'MarketPrismMessageProcessingStopped',
  'MarketPrismNATSDisconnected',
  'MarketPrismFilesNotWritten',
  'MarketPrismDataStale',
  'MarketPrismMessagesDropped',
  'MarketPrismExchangeDisconnected',
  'MarketPrismFeedNeverStarted',
  'MarketPrismMessageRateDropped',
  'MarketPrismOrderBookOutOfSync',
  'MarketPrismGapRateHigh',
  'MarketPrismHighErrorRate',
  'MarketPrismHighProcessingLatency',
  'MarketPrismNATSPublishFailureHigh',
  'MarketPrismQueueBacklog',
  'MarketPrismForeignMessages',
  'MarketPrismStreamNearLimit',
  'MarketPrismRequestsBlocked',
  'MarketPrismClockSkew',
  'MarketPrismCrashLoop',
  'MarketPrismRolloutStuck',
  'MarketPrismHealingBudgetSpent',
  'MarketPrismDataGap',
  'MarketPrismErrorRateUnusual',
  'MarketPrismLatencyUnusual',
  'MarketPrismConsumerLag',
  'MarketPrismRedundancyLost',
  'MarketPrismHighMemoryUsage',
  'MarketPrismMemoryGrowth',
  'MarketPrismHighCPUUsage',
  'MarketPrismHighDiskUsage',
  'MarketPrismEventLoopDelay',
  'MarketPrismFileDescriptorsLow',
  'MarketPrismFrequentReconnects',
  'MarketPrismCertificateExpiring',
] as const
export type AlertName = (typeof ALERTS)[number]

/** How soon somebody has to act: at once, within the hour, tomorrow. */
export const TIERS = ['P1', 'P2', 'P3'] as const

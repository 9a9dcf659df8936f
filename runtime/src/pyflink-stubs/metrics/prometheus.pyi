from penstock.metrics.prometheus import *

from penstock.common.watermark_strategy import *

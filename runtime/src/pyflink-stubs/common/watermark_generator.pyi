from penstock.common.watermark_generator import *

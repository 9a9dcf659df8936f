from penstock.common.config_options import *
